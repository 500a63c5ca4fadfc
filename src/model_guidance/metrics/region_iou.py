"""Intersection over union of the thresholded map with the annotated region."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.checks import check_pairs
from model_guidance.losses.scaling import positive_part, ratio

# Coarse above and fine below: maps at the input are spiky and find their best threshold near zero.
THRESHOLDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, *(k / 20 for k in range(2, 19)))


def region_iou(
    maps: Float[Tensor, "pairs height width"],
    masks: Bool[Tensor, "pairs height width"],
    threshold: float,
    valid: Bool[Tensor, "pairs height width"] | None = None,
) -> Float[Tensor, "pairs"]:
    """Return `|P and M| / |P or M|` of each pair, P being where `Â+ > threshold`; in [0, 1].

    `maps` are raw and signed, at the size of the masks; `threshold` is in [0, 1) and belongs to a
    validation set (see `evaluate`). With `valid`, only its pixels count in P and M.
    """
    counted, inside, scaled = _flat(maps, masks, valid)
    predicted = (scaled > threshold) & counted
    shared, either = ((both.sum(dim=1)).to(scaled.dtype) for both in (predicted & inside, predicted | inside))
    return ratio(shared, either)


def iou_curve(
    maps: Float[Tensor, "pairs height width"],
    masks: Bool[Tensor, "pairs height width"],
    thresholds: tuple[float, ...] = THRESHOLDS,
    valid: Bool[Tensor, "pairs height width"] | None = None,
) -> Float[Tensor, "pairs thresholds"]:
    """Return `region_iou` at every threshold (ascending), from one histogram of each map."""
    counted, inside, scaled = _flat(maps, masks, valid)
    edges = torch.tensor(thresholds, dtype=scaled.dtype, device=maps.device)
    passed = torch.bucketize(scaled, edges)  # thresholds below each pixel
    predicted = _passing(passed, counted, len(thresholds))
    intersection = _passing(passed, inside, len(thresholds))
    union = predicted + inside.sum(dim=1, keepdim=True) - intersection
    return ratio(intersection.to(scaled.dtype), union.to(scaled.dtype))


def _flat(maps: Tensor, masks: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return, pixel by pixel, what counts, what of it is inside of the region, and the scaled map."""
    check_pairs(maps, masks, valid)
    counted = torch.ones_like(masks, dtype=torch.bool) if valid is None else valid
    return counted.flatten(1), ((masks > 0) & counted).flatten(1), positive_part(maps).flatten(1)


def _passing(passed: Tensor, counted: Tensor, thresholds: int) -> Tensor:
    """Return how many of the counted pixels of each map exceed the first, second, ... threshold."""
    histogram = passed.new_zeros(len(passed), thresholds + 1)
    histogram.scatter_add_(1, passed, counted.long())
    return histogram.flip(1).cumsum(dim=1).flip(1)[:, 1:]
