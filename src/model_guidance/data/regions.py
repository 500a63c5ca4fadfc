"""The one place where boxes and masks become one binary mask for each (image, class).

Boxes are [x1, y1, x2, y2] pixel edges, float: an image of width w has its edges at 0 and w. A size is
(height, width) in pixels.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.data.checks import check_box
from model_guidance.types import Pairs, Regions

Size = tuple[int, int]


def box_mask(boxes: Float[Tensor, "n 4"], size: Size) -> Bool[Tensor, "height width"]:
    """Return the union of `boxes`, their edges rounded to the nearest pixel and cut at the image.

    Every box covers at least one pixel, so the mask is empty only without boxes.
    """
    return box_masks(boxes, size).any(dim=0)


def box_masks(boxes: Float[Tensor, "n 4"], size: Size) -> Bool[Tensor, "n height width"]:
    """Return the mask of each box on its own; see `box_mask`."""
    columns, rows = (_covered(boxes[:, axis], boxes[:, axis + 2], size[1 - axis]) for axis in (0, 1))
    return rows.unsqueeze(2) & columns.unsqueeze(1)


def _covered(low: Float[Tensor, "n"], high: Float[Tensor, "n"], length: int) -> Bool[Tensor, "n length"]:
    first, end = low.round(), high.round()
    first = torch.where(first < end, first, ((low + high) / 2).floor()).clamp(0, length - 1)
    end = end.clamp(max=length).maximum(first + 1)
    pixels = torch.arange(length, device=low.device)
    return (pixels >= first[:, None]) & (pixels < end[:, None])


def dilate_boxes(boxes: Float[Tensor, "n 4"], fraction: float, size: Size) -> Float[Tensor, "n 4"]:
    """Move each edge outwards by `fraction` of the box's width or height, at most to the image's edge."""
    grown = fraction * (boxes[:, 2:] - boxes[:, :2])
    limit = boxes.new_tensor([size[1], size[0]])
    low, high = (boxes[:, :2] - grown).clamp(min=0), (boxes[:, 2:] + grown).minimum(limit)
    return torch.cat([low, high], dim=1)


def dilate_mask(mask: Bool[Tensor, "height width"], fraction: float) -> Bool[Tensor, "height width"]:
    """Grow `mask` on every side by `fraction` of its own extent, rounded to whole pixels."""
    if not mask.any():
        return mask
    down, across = (round(fraction * _extent(mask.any(dim=1 - axis))) for axis in (0, 1))
    window, padding = (2 * down + 1, 2 * across + 1), (down, across)
    return torch.nn.functional.max_pool2d(mask[None].float(), window, stride=1, padding=padding)[0] > 0


def _extent(line: Bool[Tensor, "length"]) -> int:
    inside = line.nonzero()
    return int(inside[-1] - inside[0] + 1)


def random_boxes(boxes: Float[Tensor, "n 4"], size: Size, seed: int) -> Float[Tensor, "n 4"]:
    """Return boxes of the same widths and heights at uniformly random places inside the image."""
    generator = torch.Generator().manual_seed(seed)
    extent = boxes[:, 2:] - boxes[:, :2]
    room = boxes.new_tensor([size[1], size[0]]) - extent
    low = torch.rand(extent.shape, generator=generator) * room
    return torch.cat([low, low + extent], dim=1)


def stack(masks: Sequence[tuple[int, int, Bool[Tensor, "height width"]]], size: Size) -> Regions:
    """Join (image, class, mask) into `Regions` sorted by image; empty masks are dropped."""
    kept = sorted((each for each in masks if each[2].any()), key=lambda each: each[:2])
    images, classes = (torch.tensor([each[part] for each in kept], dtype=torch.long) for part in (0, 1))
    planes = torch.stack([each[2] for each in kept]) if kept else torch.zeros((0, *size), dtype=torch.bool)
    distinct = len({image for image, _, _ in kept}) == len(kept)
    return Regions(Pairs(images, classes, distinct), planes)


def from_boxes(
    boxes_per_image: Sequence[Sequence[tuple[int, tuple[float, float, float, float]]]], size: Size
) -> Regions:
    """Turn the boxes of a batch into regions, for a training loop of one's own.

    `boxes_per_image[b]` holds (class, (x1, y1, x2, y2)) for each object in image `b`, in pixel edges of
    images of `size` (height, width). A box is cut at the image. Raises `UserError` for one that is
    not finite, has its edges in the wrong order, or lies outside.
    """
    masks = []
    for image, objects in enumerate(boxes_per_image):
        for label in sorted({label for label, _ in objects}):
            boxes = [_edges(box, size, f"image {image}") for owner, box in objects if owner == label]
            masks.append((image, label, box_mask(torch.stack(boxes), size)))
    return stack(masks, size)


def _edges(box: Sequence[float], size: Size, where: str) -> Float[Tensor, "4"]:
    edges, _ = check_box(box, size[::-1], where)
    return torch.from_numpy(edges)


def from_masks(masks: Bool[Tensor, "batch classes height width"]) -> Regions:
    """Turn one mask for each image and class into regions, for a training loop of one's own.

    Pairs whose mask is empty are dropped; the others come sorted by image, then class.
    """
    images, classes = masks.flatten(2).any(dim=2).nonzero(as_tuple=True)
    return Regions(Pairs(images, classes), masks[images, classes])
