"""One sentence on whether a model is right for the right reasons: told by its behaviour, not by its maps."""

from model_guidance.evaluation import Evaluation
from model_guidance.metrics.intervals import Estimate, wilson

SAME = 0.05  # points, as a fraction: a change that stays below this is none
NEEDS = "whether the model needs what lies outside of the regions"
NO_REGIONS = (
    f"Nobody can measure {NEEDS}, because no image of this split has a region: mark about 25 images in "
    "validation and in test too, or add --split train."
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


def _points(found: Estimate) -> str:
    ends = f"{100 * found.low:+z.1f} to {100 * found.high:+z.1f}"
    return f"{100 * found.value:z.1f} points (95 % interval {ends}; {found.images} images)"
