"""Regions from targets as torchvision's detection data sets and transforms have them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchvision.transforms.v2 import functional
from torchvision.tv_tensors import BoundingBoxes, BoundingBoxFormat

from model_guidance.data.given import checked_size, from_boxes
from model_guidance.data.regions import Region, box_masks, stack
from model_guidance.data.resizing import Size
from model_guidance.errors import UserError
from model_guidance.types import Regions

UPRIGHT, TURNED = 4, (5, 8)  # the numbers of a box


def from_targets(targets: Sequence[Mapping[str, Any]], size: Size | None = None) -> Regions:
    """Turn torchvision's detection targets into regions: a dict with "boxes" [n, 4] and "labels" [n] each.

    "labels" are class numbers as the network has them, from 0. Boxes that are `tv_tensors.BoundingBoxes`
    say their format, which may be a rotated one, and the size of their image; those of plain tensors are x1,
    y1, x2, y2, in images of `size` (height, width). Of a target without boxes the "masks" [n, height, width]
    are taken. Boxes of which a crop left nothing are dropped. Raises `UserError` as `from_boxes` does, and
    for what is missing.
    """
    found = [_annotated(target, image) for image, target in enumerate(targets)]
    labels = [
        _labels(target, len(each), image)
        for image, (target, each) in enumerate(zip(targets, found, strict=True))
    ]
    size = _one_size(found, size)
    if all(_is_upright(each) for each in found):
        edges = [zip(own, _edges(each), strict=True) for own, each in zip(labels, found, strict=True)]
        return from_boxes([[(label, box) for label, box in each if box is not None] for each in edges], size)
    joined: dict[tuple[int, int], Tensor] = {}
    for image, (own, each) in enumerate(zip(labels, found, strict=True)):
        for label, mask in zip(own, _planes(each, size), strict=True):
            joined[image, label] = joined.get((image, label), torch.zeros_like(mask)) | mask
    regions = [(image, Region(label, mask)) for (image, label), mask in joined.items()]
    return stack(regions, size, len(targets))


def _annotated(target: Mapping[str, Any], image: int) -> Tensor:
    """Return the boxes of an image, or its masks."""
    boxes, masks = target.get("boxes"), target.get("masks")
    if boxes is None and isinstance(masks, Tensor) and masks.ndim == 3:
        return masks
    sides = (UPRIGHT, *TURNED) if isinstance(boxes, BoundingBoxes) else (UPRIGHT,)
    if not isinstance(boxes, Tensor) or (boxes.numel() and (boxes.ndim != 2 or boxes.shape[1] not in sides)):
        found = list(boxes.shape) if isinstance(boxes, Tensor) else type(boxes).__name__
        raise UserError(
            f"targets, image {image}: its boxes are {found}, but must be a tensor [n, 4], or its masks one "
            "[n, height, width]"
        )
    return boxes


def _one_size(found: Sequence[Tensor], size: Size | None) -> Size:
    sizes = {checked_size(each.canvas_size) for each in found if isinstance(each, BoundingBoxes)}
    sizes |= {(each.shape[1], each.shape[2]) for each in found if each.ndim == 3}
    sizes |= {checked_size(size)} if size is not None else set()
    if len(sizes) != 1:
        known = " and ".join(f"{height} x {width}" for height, width in sorted(sizes)) or "unknown"
        raise UserError(f"size: {known} (height x width), but all images of a batch must have one known size")
    return sizes.pop()


def _is_upright(found: Tensor) -> bool:
    return found.ndim < 3 and not (found.numel() and found.shape[1] in TURNED)


def _edges(boxes: Tensor) -> list[list[float] | None]:
    """Return the corners of each box; None for one without extent, as a crop leaves those behind it."""
    if not boxes.numel():
        return []
    if isinstance(boxes, BoundingBoxes):
        boxes = functional.convert_bounding_box_format(boxes, new_format=BoundingBoxFormat.XYXY)
        boxes = functional.clamp_bounding_boxes(boxes)
    corners: list[list[float]] = boxes.as_subclass(Tensor).reshape(-1, 4).tolist()
    return [None if box[0] == box[2] or box[1] == box[3] else box for box in corners]


def _planes(found: Tensor, size: Size) -> Bool[Tensor, "n height width"]:
    """Return the mask of each object."""
    if found.ndim == 3:
        return found.as_subclass(Tensor).bool()
    if _is_upright(found):
        edges = _edges(found)
        known = torch.tensor([[0.0] * 4 if box is None else box for box in edges]).reshape(-1, 4)
        empty = torch.tensor([box is None for box in edges], dtype=torch.bool)
        return box_masks(known, size) & ~empty[:, None, None]
    corners = functional.convert_bounding_box_format(found, new_format=BoundingBoxFormat["XYXYXYXY"])
    return quadrilaterals(corners.as_subclass(Tensor).reshape(-1, 4, 2), size)


def quadrilaterals(corners: Float[Tensor, "n 4 2"], size: Size) -> Bool[Tensor, "n height width"]:
    """Return the pixels whose centres lie in convex quadrilaterals, given by x and y of their corners."""
    rows, columns = (torch.arange(side) + 0.5 for side in size)
    ahead = corners.roll(-1, dims=1) - corners
    x = columns[None, None, None, :] - corners[:, :, 0, None, None]
    y = rows[None, None, :, None] - corners[:, :, 1, None, None]
    side = ahead[:, :, 0, None, None] * y - ahead[:, :, 1, None, None] * x
    return (side > 0).all(dim=1) | (side < 0).all(dim=1)


def _labels(target: Mapping[str, Any], count: int, image: int) -> list[int]:
    labels = target.get("labels")
    if not isinstance(labels, Tensor) or labels.ndim != 1 or len(labels) != count:
        found = list(labels.shape) if isinstance(labels, Tensor) else type(labels).__name__
        what = f"its labels are {found}, but must be a tensor [{count}], one for each box or mask"
        raise UserError(f"targets, image {image}: {what}")
    return labels.tolist()
