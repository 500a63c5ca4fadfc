"""Scores of predictions: `(logits, labels) -> value`, in [0, 1] but for losses; NaN: nothing to score.

Those of decisions, which are 0 or 1 like the labels, are `(decisions, labels) -> value`.
"""

from math import nan

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
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


def ce(logits: Float[Tensor, "images classes"], labels: Float[Tensor, "images classes"]) -> float:
    """Return the cross-entropy over the classes that training minimises with softmax, in nats, from 0 up."""
    return float(F.cross_entropy(logits.detach().double(), labels.double()))


def macro_f1(decisions: Bool[Tensor, "images classes"], labels: Float[Tensor, "images classes"]) -> float:
    """Return the mean of the classes' F1, each counting the same; of those that occur or are decided for."""
    there = (decisions | (labels > 0)).any(dim=0)
    return float(_f1_of_classes(decisions, labels)[there].mean())


def weighted_f1(decisions: Bool[Tensor, "images classes"], labels: Float[Tensor, "images classes"]) -> float:
    """Return the mean of the classes' F1, each counting as often as it occurs."""
    counts = (labels > 0).sum(dim=0).double()
    return float((_f1_of_classes(decisions, labels) * counts).sum() / counts.sum())


def confusion_matrix(
    logits: Float[Tensor, "images classes"], labels: Float[Tensor, "images classes"]
) -> Int[Tensor, "classes classes"]:
    """Return how many images of each class (rows) are taken for each (columns); each image has one class."""
    from torchmetrics.functional.classification import multiclass_confusion_matrix  # noqa: PLC0415  (seconds)

    return multiclass_confusion_matrix(logits.argmax(dim=1), labels.argmax(dim=1), logits.shape[1])


def log_odds(logits: Float[Tensor, "images classes"]) -> Float[Tensor, "images classes"]:
    """Return log p / (1 - p) of the softmax probabilities: their sigmoid are these probabilities."""
    found = logits.double().log_softmax(dim=1)
    return found - torch.log(-torch.expm1(found))


def _f1_of_classes(decisions: Tensor, labels: Tensor) -> Float[Tensor, "classes"]:
    """Return F1 of each class, 0 for one that neither occurs nor is decided for."""
    from torchmetrics.functional.classification import binary_f1_score, multilabel_f1_score  # noqa: PLC0415

    targets, classes = labels.long(), labels.shape[1]
    if classes == 1:  # multilabel scores need two
        return binary_f1_score(decisions[:, 0].long(), targets[:, 0]).double().reshape(1)
    return multilabel_f1_score(
        decisions.long(), targets, classes, average="none", validate_args=False
    ).double()  # the checks take most of the time


def _probabilities(logits: Tensor) -> Tensor:
    return logits.double().sigmoid()  # in float32 all logits above 17 would be tied
