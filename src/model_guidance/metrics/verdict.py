"""One sentence on whether a model is right for the right reasons: told by its behaviour, not by its maps."""

from collections.abc import Sequence

from model_guidance.evaluation import Evaluation
from model_guidance.metrics.intervals import Estimate, difference, mean, wilson

SAME = 0.05  # points, as a fraction: a change that stays below this is none
NEEDS = "whether the model needs what lies outside of the regions"
NO_REGIONS = (
    f"Nobody can measure {NEEDS}, because no image of this split has a region: mark about 25 images in "
    "validation and in test too, or add --split train."
)
NO_EVIDENCE = (
    "Whether guidance worked cannot be told: there is no baseline beside a guided run, or the test images "
    "have neither groups nor regions (mark about 25 of them), or version 0.1, which counted no images, "
    "scored the runs."
)


def of_model(found: Evaluation, classes: int) -> str:
    """Return what the scores with replaced pixels say about one model for `classes` classes."""
    reliance = found.reliance
    if reliance is None:
        return NO_REGIONS
    if _at_chance(found, classes):
        shown = f"{100 * found.scores['accuracy']:.1f} % on {found.images} images is no better than chance"
        return f"It cannot be told {NEEDS}: an accuracy of {shown}."
    if reliance.gap is None:
        return f"It cannot be told {NEEDS}: the scores are of version 0.1, which counted no images."
    return _of_gap(Estimate(reliance.intact - reliance.outside["mean"], *reliance.gap, reliance.images))


def _of_gap(gap: Estimate) -> str:
    """Return what the loss of accuracy (F1) says that replacing the outside brings."""
    lost = f"replacing it costs {_points(gap)}"
    if gap.low > 0:
        return f"The model needs what lies outside of the regions: {lost}."
    if gap.high < 0:
        return f"What lies outside of the regions misleads the model: {lost}."
    if gap.high < SAME:
        return f"The model does not need what lies outside of the regions: {lost}."
    return f"It cannot be told from so few images {NEEDS}: {lost}."


def _at_chance(found: Evaluation, classes: int) -> bool:
    accuracy = found.scores.get("accuracy")
    if accuracy is None or not found.images:
        return False
    return wilson(round(accuracy * found.images), found.images).low <= 1 / classes


def of_guidance(guided: Sequence[Evaluation], baseline: Sequence[Evaluation]) -> tuple[str, str] | None:
    """Return "worked", "did not work", "changed nothing" or "cannot be told", and by which numbers.

    Compared are the means over seeds of the worst group's accuracy, or, without groups, of what replacing the
    outside costs. None if either side has neither, or no count of images.
    """
    sides = [[_independence(found) for found in side] for side in (guided, baseline)]
    if not all(sides) or any(each is None for side in sides for each in side):
        return None
    ours, theirs = (mean([each for each in side if each is not None]) for side in sides)
    change = difference(ours, theirs)
    what = "worst group" if guided[0].groups else "loss by replacing the outside"
    shown = change if guided[0].groups else -change
    return _judged(change), f"{what} {_points(shown, sign='+')}"


def _independence(found: Evaluation) -> Estimate | None:
    """Return what grows if a model leans less on the context."""
    if found.groups:
        worst = min(found.groups.values(), key=lambda group: group["accuracy"])
        images = int(worst.get("images", 0))
        return wilson(round(worst["accuracy"] * images), images) if images else None
    if found.reliance is None or found.reliance.gap is None:
        return None
    reliance = found.reliance
    return -Estimate(reliance.intact - reliance.outside["mean"], *found.reliance.gap, reliance.images)


def _judged(change: Estimate) -> str:
    if change.low > 0:
        return "worked"
    if change.high < 0:
        return "did not work"
    return "changed nothing" if change.low > -SAME and change.high < SAME else "cannot be told"


def _points(found: Estimate, sign: str = "") -> str:
    ends = f"{100 * found.low:+.1f} to {100 * found.high:+.1f}"
    return f"{100 * found.value:{sign}.1f} points (95 % interval {ends}; {found.images} images)"
