"""Test scores as rows of a model card: what, how much, its 95 % interval, of how many images."""

from collections.abc import Iterator

from model_guidance.evaluation import Evaluation
from model_guidance.metrics.catalogue import SCORES
from model_guidance.metrics.intervals import wilson
from model_guidance.report.escape import markdown

NONE = "–"
Row = tuple[str, str, str, str]


def main_rows(found: Evaluation) -> Iterator[Row]:
    """Yield a row for each score over all images or pairs."""
    worst = min(found.groups.values(), key=lambda each: each["accuracy"], default=None)
    for name, value in found.scores.items():
        images = {"accuracy": found.images, "worst_group": int(worst["images"]) if worst else None}.get(name)
        label = SCORES[name].label if name in SCORES else markdown(name)
        yield (label, _value(name, value), *_interval(value, images))


def group_rows(found: Evaluation) -> Iterator[Row]:
    """Yield a row for each group of images."""
    for name, scores in found.groups.items():
        value = scores["accuracy"]
        yield (markdown(name), _percent(value), *_interval(value, int(scores["images"])))


def class_rows(found: Evaluation) -> Iterator[list[str]]:
    """Yield the labels of the scores that classes have, and a row for each class; nothing without classes."""
    names = [name for name in SCORES if any(name in scores for scores in found.classes.values())]
    if names:
        yield ["class", *(SCORES[name].label for name in names)]
    for of, scores in found.classes.items() if names else ():
        shown = (_value(name, scores[name]) if name in scores else NONE for name in names)
        yield [markdown(of), *shown]


def reliance_rows(found: Evaluation) -> Iterator[Row]:
    """Yield a row for each way in which a part of the images was replaced."""
    if found.reliance is None:
        return
    shown = {"nothing": found.reliance.intact}
    for side in ("outside", "inside"):
        shown |= {f"{side}: {how}": value for how, value in getattr(found.reliance, side).items()}
    images = found.reliance.images if "accuracy" in found.scores else None
    for name, value in shown.items():
        yield (name, _percent(value), *_interval(value, images))


def _interval(share: float, images: int | None) -> tuple[str, str]:
    if not images:
        return NONE, NONE
    found = wilson(round(share * images), images)
    return f"{100 * found.low:.1f} to {100 * found.high:.1f}", str(images)


def _value(name: str, value: float) -> str:
    unit = SCORES[name].unit if name in SCORES else "%"
    return {"%": _percent(value), "count": f"{value:.0f}"}.get(unit, f"{value:.4f}")


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"
