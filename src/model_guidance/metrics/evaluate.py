"""Everything that is measured about a model on one split, in one pass over it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model_guidance.attribution import explain, tap_for
from model_guidance.metrics.classification import main_score, score
from model_guidance.metrics.maps import score_maps, summary
from model_guidance.metrics.parts import BatchScores, Predictions, joined
from model_guidance.metrics.reliance import FILLERS, replaced
from model_guidance.types import Batch


@dataclass(frozen=True)
class Measurement:
    """What to measure: the maps' method and layer, and whether to measure reliance as well.

    `groups` names the groups of the data; `exclusive` says that every image has exactly one class.
    `threshold` is the one for IoU, found on validation data; None searches it, which only validation may.
    `classes` names those that are to be scored one by one.
    """

    method: str
    layer: str
    groups: Sequence[str]
    exclusive: bool
    threshold: float | None = None
    reliance: bool = False
    classes: Sequence[str] = ()


def _alone(parts: list[BatchScores]) -> list[BatchScores]:
    return parts


def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    what: Measurement,
    advance: Callable[[], None] = lambda: None,
    gather: Callable[[list[BatchScores]], list[BatchScores]] = _alone,
) -> dict[str, float]:
    """Return the scores of `model` by name; fractions are in [0, 1].

    Classification scores are over all images; `epg`, `iou` and `on_object_epg` are means over the (image,
    positive class) pairs that have a region, whose number is `pairs`. `outside: mean` is the accuracy (F1)
    on images whose pixels outside the regions are replaced by their mean colour, and so on; `intact` is
    that of the same images unaltered. The model is used in evaluation mode; afterwards each of its modules
    is in the mode it had. `advance` is called after each batch. Where several processes score a part of the
    batches each, `gather` returns everyone's, in the order of the batches.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    parts = []
    try:
        for batch in batches:
            parts.append(_score(model, batch, what))
            advance()
    finally:
        for module, training in modes.items():
            module.training = training
    parts = gather(parts)
    if not parts:
        return {"pairs": 0.0, "pairs_without_region": 0.0}
    maps = summary(joined([part.maps for part in parts]), what.threshold, what.classes)
    return _conditions(parts, what) | maps


def _score(model: nn.Module, batch: Batch, what: Measurement) -> BatchScores:
    images = batch.images / 255
    forward = tap_for(what.method, model, images, what.layer, attached=False)
    maps = explain(model, forward, batch.regions.pairs, what.method, create_graph=False)
    predictions = {"": Predictions(forward.logits.detach().float(), batch.labels, batch.groups)}
    if what.reliance:
        predictions |= _replacements(model, images, batch, predictions[""])
    return BatchScores(score_maps(maps, batch), predictions)


@torch.no_grad()
def _replacements(
    model: nn.Module, images: Tensor, batch: Batch, intact: Predictions
) -> dict[str, Predictions]:
    found = {}
    for side in ("outside", "inside"):
        for filler in FILLERS:
            altered, kept = replaced(images, batch.regions, filler, side)
            if len(altered) and not (filler == "swap" and len(images) == 1):
                logits = model(altered).float()
                found[f"{side}: {filler}"] = Predictions(logits, batch.labels[kept], batch.groups[kept])
    found["intact"] = Predictions(intact.logits[kept], batch.labels[kept], batch.groups[kept])
    return found


def _conditions(parts: Sequence[BatchScores], what: Measurement) -> dict[str, float]:
    """Return all scores of the images as they are, and the main score under each other condition."""
    main = main_score(what.exclusive)
    result: dict[str, float] = {}
    for condition in dict.fromkeys(name for part in parts for name in part.predictions):
        rows = joined([part.predictions[condition] for part in parts if condition in part.predictions])
        classes = () if condition else what.classes
        found = score(rows.logits, rows.labels, rows.groups, what.groups, what.exclusive, classes)
        if condition:
            found = {condition: found[main]} if found else {}
        result |= found
    return result
