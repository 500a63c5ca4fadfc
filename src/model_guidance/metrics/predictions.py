"""Scores of the predictions of a split: over all images, in each group and of each class."""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan

from jaxtyping import Float
from torch import Tensor

from model_guidance.evaluation import Scores
from model_guidance.metrics.batch_scores import Predictions
from model_guidance.metrics.catalogue import SCORES, Score, main_score
from model_guidance.metrics.classification import accuracy, confusion_matrix, log_odds
from model_guidance.metrics.intervals import Estimate, Z, paired_difference


def overall_scores(predictions: Predictions, exclusive: bool, classification: str = "bce") -> Scores:
    """Return the scores over all images that suit the data set, and the loss that the network learned by."""
    measured = [score for score in _measured(exclusive, classification) if score.overall]
    decisions = predictions.decisions(exclusive)
    scored = [(score, decisions if score.of_decisions else predictions.logits) for score in measured]
    return _values(scored, predictions.labels)


def main_value(predictions: Predictions, exclusive: bool) -> float:
    """Return the score by which checkpoints are compared, alone: F1, or accuracy for exclusive classes."""
    main = main_score(exclusive)
    return _values([(SCORES[main], predictions.logits)], predictions.labels)[main]


def confusions(predictions: Predictions, names: Sequence[str]) -> dict[str, Scores]:
    """Return how many images of each class are taken for each, by the names of both; none: not there.

    Each image has exactly one class; those of a true class are together, the classes in their order.
    """
    counts = confusion_matrix(predictions.logits, predictions.labels)
    found: dict[str, Scores] = {}
    for true, taken in counts.nonzero().tolist():
        found.setdefault(names[true], {})[names[taken]] = float(counts[true, taken])
    return found


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


def class_scores(
    predictions: Predictions, names: Sequence[str], exclusive: bool, classification: str = "bce"
) -> dict[str, Scores]:
    """Return the scores of each class that occurs, by its name.

    Scores that need exclusive classes are those of the class's images, the others those of its column.
    """
    measured = [score for score in _measured(exclusive, classification) if score.per_class]
    logits, labels, found = predictions.logits, predictions.labels, {}
    odds = log_odds(logits) if classification == "ce" else logits
    for index, name in enumerate(names):
        positive, column = labels[:, index] > 0, slice(index, index + 1)
        if positive.any():
            own = _values([(s, logits[positive]) for s in measured if s.exclusive], labels[positive])
            of_column = [(score, odds[:, column]) for score in measured if not score.exclusive]
            found[name] = own | _values(of_column, labels[:, column])
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


def _measured(exclusive: bool, classification: str) -> list[Score]:
    return [
        score
        for score in SCORES.values()
        if score.measure is not None and not score.of_maps and score.suits(exclusive, classification)
    ]


def _values(measured: Iterable[tuple[Score, Tensor]], labels: Tensor) -> Scores:
    """Return each score of what it is of, logits or decisions."""
    values = {score.name: float(score.measure(of, labels)) for score, of in measured if score.measure}
    return {name: value for name, value in values.items() if not isnan(value)}
