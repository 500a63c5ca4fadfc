"""Regions for a training loop of one's own, from boxes, masks or torchvision's targets."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor
from torchvision.transforms.v2 import functional
from torchvision.tv_tensors import BoundingBoxes, BoundingBoxFormat

from model_guidance.data.checks import check_box
from model_guidance.data.regions import Region, Size, box_mask, stack
from model_guidance.errors import UserError
from model_guidance.types import Pairs, Regions

Box = Sequence[float] | Tensor


def from_boxes(boxes_per_image: Sequence[Sequence[tuple[int, Box]]], size: Size) -> Regions:
    """Turn the boxes of a batch into regions.

    `boxes_per_image[b]` holds (class, (x1, y1, x2, y2)) for each object in image `b`, in pixel edges of
    images of `size` (height, width); the boxes of a class become one region. A box is cut at the image.
    Raises `UserError` for one that is not finite, has its edges in the wrong order (x, y, width, height?), or
    lies outside, for boxes that are all shares of the image (from 0 to 1), and for a class below 0.
    """
    height, width = _size(size)
    objects = [
        (image, _class(label, f"image {image}"), _numbers(box, f"image {image}"))
        for image, each in enumerate(boxes_per_image)
        for label, box in each
    ]
    if objects and min(height, width) > 1 and all(0 <= edge <= 1 for *_, box in objects for edge in box):
        raise UserError("boxes_per_image: all edges lie in [0, 1], but must be pixels: multiply by the size")
    edges: dict[tuple[int, int], list[Tensor]] = {}
    for image, label, box in objects:
        checked, _ = check_box(box, (width, height), f"boxes_per_image, image {image}, class {label}")
        edges.setdefault((image, label), []).append(torch.from_numpy(checked))
    found = [
        (image, Region(label, box_mask(torch.stack(boxes), (height, width))))
        for (image, label), boxes in edges.items()
    ]
    return stack(found, (height, width), len(boxes_per_image))


def from_masks(masks: Bool[Tensor, "batch classes height width"]) -> Regions:
    """Turn one mask for each image and class into regions.

    Pairs whose mask is empty are dropped; the others come sorted by image, then class. Raises `UserError`
    for anything but a bool tensor of four axes.
    """
    if not isinstance(masks, Tensor) or masks.dtype != torch.bool or masks.ndim != 4:
        found = f"{masks.dtype} {list(masks.shape)}" if isinstance(masks, Tensor) else type(masks).__name__
        raise UserError(f"masks: {found}, but must be a bool tensor [batch, classes, height, width]")
    images, classes = masks.flatten(2).any(dim=2).nonzero(as_tuple=True)
    return Regions(Pairs(images, classes), masks[images, classes], images=len(masks))


def from_targets(targets: Sequence[Mapping[str, Any]], size: Size | None = None) -> Regions:
    """Turn torchvision's detection targets into regions: a dict with "boxes" [n, 4] and "labels" [n] each.

    "labels" are class numbers as the network has them, from 0. Boxes that are `tv_tensors.BoundingBoxes`
    say their format and the size of their image; those of plain tensors are x1, y1, x2, y2, in images of
    `size` (height, width). Raises `UserError` as `from_boxes` does, and for what is missing.
    """
    boxes = map(_boxes, targets, range(len(targets)))
    sizes = {_size(each.canvas_size) for each in boxes if isinstance(each, BoundingBoxes)}
    sizes |= {_size(size)} if size is not None else set()
    if len(sizes) != 1:
        found = " and ".join(f"{height} x {width}" for height, width in sorted(sizes)) or "unknown"
        raise UserError(f"size: {found} (height x width), but all images of a batch must have one known size")
    listed = [
        list(zip(_labels(target, image), _edges(_boxes(target, image)), strict=True))
        for image, target in enumerate(targets)
    ]
    return from_boxes(listed, sizes.pop())


def _boxes(target: Mapping[str, Any], image: int) -> Tensor:
    boxes = target.get("boxes")
    if not isinstance(boxes, Tensor) or (boxes.numel() and (boxes.ndim != 2 or boxes.shape[1] != 4)):
        found = list(boxes.shape) if isinstance(boxes, Tensor) else type(boxes).__name__
        raise UserError(f"targets, image {image}: its boxes are {found}, but must be a tensor [n, 4]")
    return boxes


def _edges(boxes: Tensor) -> list[list[float]]:
    if isinstance(boxes, BoundingBoxes):
        boxes = functional.convert_bounding_box_format(boxes, new_format=BoundingBoxFormat.XYXY)
    return boxes.as_subclass(Tensor).reshape(-1, 4).tolist()


def _labels(target: Mapping[str, Any], image: int) -> list[int]:
    labels, boxes = target.get("labels"), _boxes(target, image)
    if not isinstance(labels, Tensor) or labels.ndim != 1 or len(labels) != len(_edges(boxes)):
        found = list(labels.shape) if isinstance(labels, Tensor) else type(labels).__name__
        what = f"its labels are {found}, but must be a tensor [{len(boxes)}], one for each box"
        raise UserError(f"targets, image {image}: {what}")
    return labels.tolist()


def _class(label: object, where: str) -> int:
    try:
        number = operator.index(label)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if number < 0 or isinstance(label, bool):
        raise UserError(
            f"boxes_per_image, {where}: the class is {label!r}, but must be a number from 0 upwards"
        )
    return number


def _numbers(box: Box, where: str) -> list[float]:
    try:
        x1, y1, x2, y2 = (float(edge) for edge in box)
    except (TypeError, ValueError):
        raise UserError(f"boxes_per_image, {where}: {box!r}, but a box must be x1, y1, x2, y2") from None
    return [x1, y1, x2, y2]


def _size(size: object) -> Size:
    try:
        height, width = (operator.index(side) for side in size)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise UserError(f"size: {size!r}, but must be (height, width) in pixels")
    return height, width
