"""Regions for a training loop of one's own, from boxes or masks."""

import operator
from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from model_guidance.data.checks import check_box
from model_guidance.data.regions import Region, box_mask, stack
from model_guidance.data.resizing import Size
from model_guidance.errors import UserError, quoted
from model_guidance.types import Pairs, Regions

Box = Sequence[float] | Tensor


def from_boxes(boxes_per_image: Sequence[Sequence[tuple[int, Box]]], size: Size) -> Regions:
    """Turn the boxes of a batch into regions.

    `boxes_per_image[b]` holds (class, (x1, y1, x2, y2)) for each object in image `b`, in pixel edges of
    images of `size` (height, width); the boxes of a class become one region. A box is cut at the image.
    Raises `UserError` for one that is not finite, has its edges in the wrong order (x, y, width, height?), or
    lies outside, for boxes that are all shares of the image (from 0 to 1), and for a class below 0.
    """
    height, width = checked_size(size)
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


def _class(label: object, where: str) -> int:
    try:
        number = operator.index(label)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if number < 0 or isinstance(label, bool):
        raise UserError(
            f"boxes_per_image, {where}: the class is {quoted(label)}, but must be a number from 0 upwards"
        )
    return number


def _numbers(box: Box, where: str) -> list[float]:
    try:
        x1, y1, x2, y2 = (float(edge) for edge in box)
    except (TypeError, ValueError):
        raise UserError(
            f"boxes_per_image, {where}: {quoted(box)}, but a box must be x1, y1, x2, y2"
        ) from None
    return [x1, y1, x2, y2]


def checked_size(size: object) -> Size:
    """Return (height, width); `UserError` unless `size` is that, in pixels."""
    try:
        height, width = (operator.index(side) for side in size)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise UserError(f"size: {quoted(size)}, but must be (height, width) in pixels")
    return height, width
