"""Scores of the predictions of a split: over all images, in each group and of each class."""

from collections.abc import Mapping, Sequence
from math import isnan

from jaxtyping import Float
from torch import Tensor

from model_guidance.evaluation import Scores
from model_guidance.metrics.batch_scores import Predictions
from model_guidance.metrics.catalogue import SCORES, Score
from model_guidance.metrics.classification import accuracy
from model_guidance.metrics.intervals import Estimate, Z, paired_difference


def overall_scores(predictions: Predictions, exclusive: bool) -> Scores:
    """Return the scores over all images that suit the data set."""
    measured = [score for score in _measured(exclusive) if score.overall]
    return _values(measured, predictions.logits, predictions.labels)


def group_scores(predictions: Predictions, names: Sequence[str]) -> dict[str, Scores]:
    """Return the accuracy of each group that occurs, and its number of images, by its name."""
    members = {name: predictions[predictions.groups == index] for index, name in enumerate(names)}
    return {
        name: {"accuracy": accuracy(each.logits, each.labels), "images": float(len(each))}
        for name, each in members.items()
        if len(each)
    }


def group_averages(groups: Mapping[str, Scores], shares: Mapping[str, float]) -> Scores:
    """Return the worst group's accuracy, and the average adjusted to the training set, where there is one.

    `groups` are those of `group_scores`; `shares`, in [0, 1], those of the groups in training, perhaps none.
    The adjusted average is sum_g share_g * accuracy_g (Sagawa et al., 2020): what the accuracy would be if
    the groups were as frequent as in training. It does not exist where a group of training does not occur.
    """
    accuracies = {name: scores["accuracy"] for name, scores in groups.items()}
    found = {"worst_group": min(accuracies.values())} if groups else {}
    seen = {name: share for name, share in shares.items() if share > 0}
    if seen and set(seen) <= set(accuracies):
        found["adjusted_accuracy"] = sum(share * accuracies[name] for name, share in seen.items())
    return found


def class_scores(predictions: Predictions, names: Sequence[str], exclusive: bool) -> dict[str, Scores]:
    """Return the scores of each class that occurs, by its name.

    They are those of its images where every image has one class, and else those of the class's column.
    """
    measured = [score for score in _measured(exclusive) if score.per_class]
    found = {}
    for index, name in enumerate(names):
        logits, labels = predictions.logits, predictions.labels
        positive = labels[:, index] > 0
        if positive.any():
            part = positive if exclusive else (slice(None), slice(index, index + 1))
            found[name] = _values(measured, logits[part], labels[part])
    return found


def reliance_gap(intact: Predictions, replaced: Predictions, exclusive: bool) -> Estimate:
    """Return how much of the main score the same images lose when their pixels are replaced.

    F1 is a ratio of sums over images; its interval is that of the linearised ratio.
    """
    if exclusive:
        first, second = (each.right(exclusive)[:, 0] > 0 for each in (intact, replaced))
        outcomes = ((first & second), (first & ~second), (~first & second), (~first & ~second))
        return paired_difference(*(int(outcome.sum()) for outcome in outcomes))
    (before, first), (after, second) = (_linearised_f1(each) for each in (intact, replaced))
    half = Z * float((first - second).std(correction=0)) / len(intact) ** 0.5
    return Estimate(before - after, before - after - half, before - after + half, len(intact))


def _linearised_f1(predictions: Predictions) -> tuple[float, Float[Tensor, "images"]]:
    """Return F1, and of each image how far it moves F1 away from that of all."""
    twice_right, decided = predictions.right(exclusive=False).unbind(dim=1)
    value = twice_right.sum() / decided.sum().clamp(min=1)
    return float(value), (twice_right - value * decided) / decided.mean().clamp(min=1e-12)


def _measured(exclusive: bool) -> list[Score]:
    return [
        score
        for score in SCORES.values()
        if score.measure is not None and not score.of_maps and score.suits(exclusive)
    ]


def _values(measured: Sequence[Score], logits: Tensor, labels: Tensor) -> Scores:
    values = {score.name: float(score.measure(logits, labels)) for score in measured if score.measure}
    return {name: value for name, value in values.items() if not isnan(value)}
