"""Boxes and masks as binary masks, and the masks of a batch as one for each (image, class).

Boxes are [x1, y1, x2, y2] pixel edges, float: an image of width w has its edges at 0 and w. A size is
(height, width) in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.data.resizing import Size
from model_guidance.types import Pairs, Regions


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


@dataclass(frozen=True)
class Region:
    """The mask of one class in one image; `valid` are the pixels that count, None: all."""

    label: int
    mask: Bool[Tensor, "height width"]
    valid: Bool[Tensor, "height width"] | None = None


def without(evidence: Sequence[Region], excluded: Sequence[Region]) -> list[Region]:
    """Take from each region what its class must not use.

    A class with no evidence of its own is penalised inside of what it must not use, and free elsewhere: its
    mask is everything else, and only the excluded pixels count.
    """
    banned = {each.label: each.mask for each in excluded}
    kept = [
        Region(each.label, each.mask & ~banned[each.label]) if each.label in banned else each
        for each in evidence
    ]
    kept = [each for each in kept if each.mask.any()]
    alone = sorted(set(banned) - {each.label for each in kept})
    return kept + [Region(label, ~banned[label], banned[label]) for label in alone if not banned[label].all()]


def within(regions: Sequence[Region], photo: Bool[Tensor, "height width"]) -> list[Region]:
    """Take from each region what is no part of the photo, but padding around it."""
    cut = [Region(each.label, each.mask & photo, each.valid) for each in regions]
    return [each for each in cut if each.mask.any()]


def stack(regions: Sequence[tuple[int, Region]], size: Size, images: int | None = None) -> Regions:
    """Join (image, region) into `Regions` of so many `images`, sorted by image and class; empty ones go."""
    kept = sorted((each for each in regions if each[1].mask.any()), key=lambda each: (each[0], each[1].label))
    owners = torch.tensor([image for image, _ in kept], dtype=torch.long)
    classes = torch.tensor([region.label for _, region in kept], dtype=torch.long)
    planes = [region.mask for _, region in kept]
    distinct = len({image for image, _ in kept}) == len(kept)
    return Regions(Pairs(owners, classes, distinct), _planes(planes, size), _valid(kept, size), images)


def _planes(masks: Sequence[Tensor], size: Size) -> Bool[Tensor, "masks height width"]:
    return torch.stack([*masks]) if masks else torch.zeros((0, *size), dtype=torch.bool)


def _valid(kept: Sequence[tuple[int, Region]], size: Size) -> Bool[Tensor, "masks height width"] | None:
    if all(region.valid is None for _, region in kept):
        return None
    everywhere = torch.ones(size, dtype=torch.bool)
    return torch.stack([everywhere if region.valid is None else region.valid for _, region in kept])
