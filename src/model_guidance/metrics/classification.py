"""Scores of the predictions themselves."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics.functional.classification import binary_average_precision, binary_f1_score


def multilabel(
    logits: Float[Tensor, "images classes"], labels: Float[Tensor, "images classes"]
) -> Iterator[tuple[str, float]]:
    """Yield micro-averaged F1 at probability 0.5 and mAP over the classes that occur, both in [0, 1]."""
    targets = labels.long()
    probabilities = logits.double().sigmoid()  # in float32 all logits above 17 would be tied
    yield "f1", float(binary_f1_score(probabilities.flatten(), targets.flatten()))
    occurring = targets.any(dim=0).nonzero().flatten().tolist()
    if occurring:
        precisions = [binary_average_precision(probabilities[:, c], targets[:, c]) for c in occurring]
        yield "map", float(torch.stack(precisions).mean())


def exclusive(
    logits: Float[Tensor, "images classes"],
    labels: Float[Tensor, "images classes"],
    groups: Int[Tensor, "images"],
    names: Sequence[str],
) -> Iterator[tuple[str, float]]:
    """Yield the accuracy, overall and of each group that occurs, and the worst group's, in [0, 1]."""
    correct = (logits.argmax(dim=1) == labels.argmax(dim=1)).double()
    yield "accuracy", float(correct.mean())
    accuracies = {
        name: float(correct[groups == i].mean()) for i, name in enumerate(names) if (groups == i).any()
    }
    yield from ((f"group: {name}", value) for name, value in accuracies.items())
    if accuracies:
        yield "worst_group", min(accuracies.values())


def per_class(
    logits: Float[Tensor, "images classes"],
    labels: Float[Tensor, "images classes"],
    classes: Sequence[str],
    exclusive_classes: bool,
) -> Iterator[tuple[str, float]]:
    """Yield of each class that occurs its accuracy (one class per image) or its average precision."""
    chosen, probabilities = logits.argmax(dim=1), logits.double().sigmoid()
    for index, name in enumerate(classes):
        positive = labels[:, index] > 0
        if not positive.any():
            continue
        if exclusive_classes:
            yield f"class: {name}: accuracy", float((chosen[positive] == index).double().mean())
        else:
            precision = binary_average_precision(probabilities[:, index], positive.long())
            yield f"class: {name}: ap", float(precision)


def main_score(exclusive_classes: bool) -> str:
    """Return the name of the score by which checkpoints of a data set are compared."""
    return "accuracy" if exclusive_classes else "f1"


def score(
    logits: Tensor,
    labels: Tensor,
    groups: Tensor,
    names: Sequence[str],
    exclusive_classes: bool,
    classes: Sequence[str] = (),
) -> dict[str, float]:
    """Return the scores that suit the data set; those of each of the `classes` as well."""
    if not len(logits):
        return {}
    with torch.no_grad():
        pairs = exclusive(logits, labels, groups, names) if exclusive_classes else multilabel(logits, labels)
        return dict(pairs) | dict(per_class(logits, labels, classes, exclusive_classes))
