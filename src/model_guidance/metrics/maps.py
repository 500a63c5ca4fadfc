"""Scores of the maps, pair by pair, and their means over a split."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from model_guidance.errors import UserError
from model_guidance.evaluation import Scores
from model_guidance.metrics.catalogue import SCORES
from model_guidance.metrics.on_object import on_object_energy
from model_guidance.metrics.region_iou import THRESHOLDS, iou_curve, region_iou
from model_guidance.types import Batch, Pairs


@dataclass(frozen=True)
class MapScores:
    """Scores of the (image, class) pairs of one batch or of many.

    `values` holds the scores that are means over pairs, by name; NaN is left out of the mean: it stands in
    `on_object_epg` for the pairs without a segmentation mask, and in `iou` for those of which is known only
    what must not be used: there is no region that a map could meet. `missing` is, batch by batch, the number
    of positive pairs without a region, which have no entry at all.
    """

    classes: Int[Tensor, "pairs"]
    values: dict[str, Float[Tensor, "pairs"]]
    iou: Float[Tensor, "pairs thresholds"]
    missing: Int[Tensor, "batches"]


def score_maps(
    maps: Float[Tensor, "pairs height width"], batch: Batch, threshold: float | None = None
) -> MapScores:
    """Score the maps of the batch's regions by every function of maps in the catalogue.

    IoU is that at `threshold` alone, or at each of `THRESHOLDS`, which takes longer, where None is given.
    """
    regions = batch.regions
    measured = [score for score in SCORES.values() if score.of_maps]
    masks = (regions.masks,) if regions.valid is None else (regions.masks, regions.valid)
    values = {score.name: score.measure(maps, *masks) for score in measured if score.measure}
    values["on_object_epg"] = _on_object(maps, batch)
    if threshold is None:
        iou = iou_curve(maps, regions.masks, valid=regions.valid)
    else:
        iou = region_iou(maps, regions.masks, threshold, regions.valid).unsqueeze(1)
    if regions.valid is not None:
        nowhere = ~(regions.masks & regions.valid).flatten(1).any(dim=1)
        iou = iou.masked_fill(nowhere.unsqueeze(1), torch.nan)
    missing = (batch.labels.sum().long() - len(regions)).unsqueeze(0)
    return MapScores(regions.pairs.class_index, values, iou, missing)


def mean_scores(
    scores: MapScores, threshold: float | None, classes: Sequence[str] = ()
) -> tuple[Scores, dict[str, Scores]]:
    """Return the means over all pairs, and over those of each of the `classes` that occurs, by its name.

    IoU is the one at `threshold`, the one for which maps were scored, or at the best where None is given;
    it is absent if it is NaN for all pairs.
    """
    if threshold is not None and threshold not in THRESHOLDS:
        known = ", ".join(f"{each:g}" for each in THRESHOLDS)
        raise UserError(f"there is no IoU threshold {threshold:g}: choose one of {known}")
    pairs = len(scores.classes)
    found = {"pairs": float(pairs), "pairs_without_region": float(scores.missing.sum())}
    if not pairs:
        return found, {}
    known_iou = scores.iou[~scores.iou.isnan().any(dim=1)].double()
    thresholds = THRESHOLDS if threshold is None else (threshold,)
    best = int(known_iou.mean(dim=0).argmax())
    values = scores.values | {"iou": scores.iou[:, best]}
    found |= _means(values, torch.ones(pairs, dtype=torch.bool))
    found |= {"iou_threshold": thresholds[best]} if len(known_iou) else {}
    per_class = {name: value for name, value in values.items() if SCORES[name].per_class}
    own = {name: scores.classes == index for index, name in enumerate(classes)}
    return found, {name: _means(per_class, pairs) for name, pairs in own.items() if pairs.any()}


def _means(values: dict[str, Tensor], chosen: Bool[Tensor, "pairs"]) -> Scores:
    kept = {name: value[chosen & ~value.isnan()].double() for name, value in values.items()}
    return {name: float(value.mean()) for name, value in kept.items() if len(value)}


def _on_object(maps: Tensor, batch: Batch) -> Float[Tensor, "pairs"]:
    regions, objects = batch.regions, batch.objects
    ours, theirs = _common(regions.pairs, objects.pairs, batch.labels.shape[1])
    scores = maps.new_full((len(maps),), torch.nan)
    both = regions[ours]
    scores[ours] = on_object_energy(maps[ours], both.masks, objects.masks[theirs], both.valid)
    return scores


def _common(left: Pairs, right: Pairs, classes: int) -> tuple[Tensor, Tensor]:
    """Return the positions of the pairs that both sides have, in the same order."""
    keys = [side.image_index * classes + side.class_index for side in (left, right)]
    same = (keys[0].unsqueeze(1) == keys[1].unsqueeze(0)).nonzero()
    return same[:, 0], same[:, 1]
