"""What is wrong with a finished training, in sentences: a goal that was missed, a useless classifier."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import UInt8

from model_guidance.evaluation import Scores
from model_guidance.metrics.catalogue import SCORES
from model_guidance.training.config import Config


def chance(labels: UInt8[np.ndarray, "images classes"], exclusive: bool) -> float:
    """Return the accuracy (F1) of the best constant answer: the most frequent class (all of them), or 0."""
    share = labels.mean(axis=0 if exclusive else None).max() if labels.size else 0.0
    return float(share if exclusive else 2 * share / (1 + share))


def remarks(
    config: Config, history: Sequence[Scores], best: int, main: str, chance_score: float
) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with the epochs in `history`, by validation scores."""
    chosen, last = history[best - 1], history[-1]
    target, label = config.target_epg, SCORES[main].label
    if target is not None and chosen.get("epg", 0.0) < target:
        yield (
            f"--target_epg {target} was missed: epoch {best}, the best, has an EPG of "
            f"{chosen.get('epg', 0.0):.2f} on validation; train longer, or allow more with --allowed_loss"
        )
    ways = "a lower --lambda or --lr" if config.guided else "another --lr, or more --epochs"
    if chosen[main] <= chance_score:
        yield (
            f"the classifier has learned nothing: its validation {label} of {chosen[main]:.2f} is no better "
            f"than the {chance_score:.2f} of one constant answer; try {ways}"
        )
    elif last[main] <= chance_score:
        yield (
            f"the classifier has collapsed: validation {label} fell from {chosen[main]:.2f} in epoch {best} "
            f"to {last[main]:.2f} in the last one, no better than one constant answer; try {ways}"
        )
