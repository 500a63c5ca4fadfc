"""Scores of predictions: `(logits, labels) -> value`, in [0, 1] but for `bce`; NaN: nothing to score."""

from math import nan

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def f1(logits: Float[Tensor, "images classes"], labels: Float[Tensor, "images classes"]) -> float:
    """Return micro-averaged F1 at probability 0.5."""
    from torchmetrics.functional.classification import binary_f1_score  # noqa: PLC0415  (seconds)

    return float(binary_f1_score(_probabilities(logits).flatten(), labels.long().flatten()))


def mean_average_precision(
    logits: Float[Tensor, "images classes"], labels: Float[Tensor, "images classes"]
) -> float:
    """Return the mean over the classes that occur of their average precision; NaN if none does."""
    from torchmetrics.functional.classification import binary_average_precision  # noqa: PLC0415  (seconds)

    targets, probabilities = labels.long(), _probabilities(logits)
    occurring = targets.any(dim=0).nonzero().flatten().tolist()
    if not occurring:
        return nan
    precisions = [binary_average_precision(probabilities[:, c], targets[:, c]) for c in occurring]
    return float(torch.stack(precisions).mean())


def accuracy(logits: Float[Tensor, "images classes"], labels: Float[Tensor, "images classes"]) -> float:
    """Return the share of the images whose largest logit is that of their class."""
    return float((logits.argmax(dim=1) == labels.argmax(dim=1)).double().mean())


def bce(logits: Float[Tensor, "images classes"], labels: Float[Tensor, "images classes"]) -> float:
    """Return the binary cross-entropy that training minimises, in nats, from 0 up."""
    return float(F.binary_cross_entropy_with_logits(logits.detach().double(), labels.double()))


def _probabilities(logits: Tensor) -> Tensor:
    return logits.double().sigmoid()  # in float32 all logits above 17 would be tied
