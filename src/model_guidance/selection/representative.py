"""The representative model of a configuration: as well guided as a small loss of accuracy allows."""

import torch
from jaxtyping import Float
from torch import Tensor

from model_guidance.selection.allowed_loss import ALLOWED_LOSS, least_score


def representative(
    main: Float[Tensor, "candidates"],
    epg: Float[Tensor, "candidates"],
    baseline: float,
    at_most: float = ALLOWED_LOSS,
) -> int | None:
    """Return the candidate with the highest EPG among those not much worse than the baseline.

    `main` is F1 or accuracy, `baseline` the baseline's, and `at_most` the largest loss that is accepted, all
    as fractions: the paper's rule is 5 percentage points. Of equal EPG the better `main` wins. Candidates
    with a NaN score are never chosen; None if none is good enough.
    """
    allowed = (main >= least_score(baseline, at_most)) & ~epg.isnan()
    if not allowed.any():
        return None
    best = allowed & (epg == epg[allowed].max())
    return int(torch.where(best, main, -torch.inf).argmax())
