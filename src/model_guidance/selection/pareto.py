"""Pareto front: the candidates that no other one beats."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def pareto_front(
    scores: Float[Tensor, "candidates criteria"], tolerance: float = 0.0
) -> Bool[Tensor, "candidates"]:
    """Return which candidates are on the front; larger is better in every criterion.

    A candidate is dominated if another one is at least as good everywhere and better by more than
    `tolerance` somewhere; equal candidates do not dominate each other. The front is exact for tolerance 0,
    and a larger one only adds candidates to it: those whose disadvantage may be noise. A criterion that is
    NaN counts as the worst possible value.
    """
    scores = scores.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    at_least = (scores.unsqueeze(0) >= scores.unsqueeze(1)).all(dim=2)
    better = (scores.unsqueeze(0) > scores.unsqueeze(1) + tolerance).any(dim=2)
    return ~(at_least & better).any(dim=1)
