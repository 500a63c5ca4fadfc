"""Every score that there is: how it is called, what it is of, and the function that measures it."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from model_guidance.metrics.classification import (
    accuracy,
    bce,
    ce,
    f1,
    macro_f1,
    mean_average_precision,
    weighted_f1,
)
from model_guidance.metrics.energy_pointing_game import energy_pointing_game

Unit = Literal["%", "count", "threshold", "nats"]


@dataclass(frozen=True)
class Score:
    """One score, by its `name` in results and its `label` in tables and figures.

    `unit` "%" is a fraction in [0, 1] that is shown in percent. `per_class` scores are measured for each
    class as well, and where not `overall` for the classes only; those `of_maps` depend on the attribution.
    `gained` ones are compared with the baseline in the overview. `exclusive` ones need data with exactly one
    class per image (False: several; None: any), `classification` ones a network trained by that loss.

    `measure` is `(maps, masks, valid) -> one value per pair` for scores of maps (valid only where it is not
    None), whose mean is taken, and else `(logits, labels) -> value`, NaN where there is none; of those
    `of_decisions` the logits are replaced by whether each class is decided for. A score without
    it needs more than that, and is measured in `maps` (a threshold, objects) or `predictions` (groups).
    """

    name: str
    label: str
    unit: Unit = "%"
    per_class: bool = False
    of_maps: bool = False
    larger_is_better: bool = True
    gained: bool = False
    overall: bool = True
    exclusive: bool | None = None
    classification: str | None = None
    of_decisions: bool = False
    measure: Callable[..., Any] | None = None

    def suits(self, exclusive: bool, classification: str = "bce") -> bool:
        """Return whether data whose images have exactly one class (`exclusive`), or several, have it.

        And the networks that were trained on them by this loss.
        """
        return self.exclusive in (None, exclusive) and self.classification in (None, classification)


SCORES: dict[str, Score] = {
    score.name: score
    for score in (
        Score("f1", "F1", gained=True, exclusive=False, measure=f1),
        Score("accuracy", "accuracy", per_class=True, gained=True, exclusive=True, measure=accuracy),
        Score("worst_group", "worst group", gained=True, exclusive=True),
        Score("adjusted_accuracy", "adjusted accuracy", exclusive=True),
        Score("macro_f1", "macro F1", of_decisions=True, measure=macro_f1),
        Score("weighted_f1", "weighted F1", of_decisions=True, measure=weighted_f1),
        Score("map", "mAP", exclusive=False, measure=mean_average_precision),
        Score("ap", "AP", per_class=True, overall=False, measure=mean_average_precision),
        Score("bce", "cross-entropy", "nats", larger_is_better=False, classification="bce", measure=bce),
        Score("ce", "softmax cross-entropy", "nats", larger_is_better=False, classification="ce", measure=ce),
        Score("pairs", "pairs", "count", of_maps=True),
        Score("pairs_without_region", "pairs without region", "count", of_maps=True, larger_is_better=False),
        Score("epg", "EPG", per_class=True, of_maps=True, gained=True, measure=energy_pointing_game),
        Score("iou", "IoU", per_class=True, of_maps=True, gained=True),
        Score("iou_threshold", "IoU threshold", "threshold", of_maps=True),
        Score("on_object_epg", "on-object EPG", of_maps=True),
    )
}
FRONT = ("epg", "iou")  # what the Pareto front weighs against the main score


def main_score(exclusive: bool) -> str:
    """Return the name of the score by which checkpoints of a data set are compared."""
    return "accuracy" if exclusive else "f1"


def fractions(names: Container[str] | None = None) -> Iterator[Score]:
    """Yield the scores over all images or pairs that are fractions, of those in `names` where given."""
    for score in SCORES.values():
        if score.unit == "%" and score.overall and (names is None or score.name in names):
            yield score
