"""Scores of the maps: EPG, IoU at every threshold, on-object EPG, pair by pair."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from model_guidance.errors import UserError
from model_guidance.metrics.energy_pointing_game import energy_pointing_game
from model_guidance.metrics.on_object import on_object_energy
from model_guidance.metrics.region_iou import THRESHOLDS, iou_curve
from model_guidance.types import Batch, Pairs


@dataclass(frozen=True)
class MapScores:
    """Scores of the (image, class) pairs of one batch or of many.

    `on_object` has an entry for each pair that has a segmentation mask as well; `missing` is, batch by
    batch, the number of positive pairs without a region, which have no entry at all.
    """

    classes: Int[Tensor, "pairs"]
    epg: Float[Tensor, "pairs"]
    iou: Float[Tensor, "pairs thresholds"]
    on_object: Float[Tensor, "segmented"]
    missing: Int[Tensor, "batches"]


def score_maps(maps: Float[Tensor, "pairs height width"], batch: Batch) -> MapScores:
    """Score the maps of the batch's regions."""
    regions, objects = batch.regions, batch.objects
    ours, theirs = _common(regions.pairs, objects.pairs, batch.labels.shape[1])
    return MapScores(
        regions.pairs.classes,
        energy_pointing_game(maps, regions.masks),
        iou_curve(maps, regions.masks),
        on_object_energy(maps[ours], regions.masks[ours], objects.masks[theirs]),
        (batch.labels.sum().long() - len(regions)).unsqueeze(0),
    )


def summary(scores: MapScores, threshold: float | None, classes: Sequence[str] = ()) -> dict[str, float]:
    """Return the means; IoU at `threshold`, or at the best threshold where None is given.

    For each of the `classes` that occurs there is `class: NAME: epg` and `class: NAME: iou` as well.
    """
    if threshold is not None and threshold not in THRESHOLDS:
        known = ", ".join(f"{each:g}" for each in THRESHOLDS)
        raise UserError(f"there is no IoU threshold {threshold:g}: choose one of {known}")
    result = {"pairs": float(len(scores.epg)), "pairs_without_region": float(scores.missing.sum())}
    if not len(scores.epg):
        return result
    curve = scores.iou.double().mean(dim=0)
    best = int(curve.argmax()) if threshold is None else THRESHOLDS.index(threshold)
    result["epg"] = float(scores.epg.double().mean())
    result |= {"iou": float(curve[best]), "iou_threshold": THRESHOLDS[best]}
    if len(scores.on_object):
        result["on_object_epg"] = float(scores.on_object.double().mean())
    for index, name in enumerate(classes):
        if (own := scores.classes == index).any():
            result[f"class: {name}: epg"] = float(scores.epg[own].double().mean())
            result[f"class: {name}: iou"] = float(scores.iou[own, best].double().mean())
    return result


def _common(left: Pairs, right: Pairs, classes: int) -> tuple[Tensor, Tensor]:
    """Return the positions of the pairs that both sides have, in the same order."""
    keys = [side.images * classes + side.classes for side in (left, right)]
    same = (keys[0].unsqueeze(1) == keys[1].unsqueeze(0)).nonzero()
    return same[:, 0], same[:, 1]
