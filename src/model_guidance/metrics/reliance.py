"""Reliance asks the model instead of its maps: what it predicts when pixels are replaced."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.data.replacement import blur, mean_colour, mixed
from model_guidance.types import Regions


def another_image(images: Tensor) -> Tensor:
    """Return the next image of the batch in place of each."""
    return images.roll(1, dims=0)


FILLERS: dict[str, Callable[[Tensor], Tensor]] = {"mean": mean_colour, "blur": blur, "swap": another_image}


def union(regions: Regions, images: int) -> Bool[Tensor, "images height width"]:
    """Return the union of the regions of all classes of each image; empty for those without a region."""
    masks = regions.masks.new_zeros(images, *regions.masks.shape[-2:])
    for image, mask in zip(regions.pairs.image_index.tolist(), regions.masks, strict=True):
        masks[image] |= mask
    return masks


def with_region(regions: Regions, images: int) -> Bool[Tensor, "images"]:
    """Return which of so many images have a region."""
    return torch.zeros(images, dtype=torch.bool, device=regions.masks.device).index_fill(
        0, regions.pairs.image_index, True
    )


def replaced(
    images: Float[Tensor, "batch 3 height width"], regions: Regions, filler: str, side: str
) -> tuple[Float[Tensor, "kept 3 height width"], Bool[Tensor, "batch"]]:
    """Replace everything outside, or inside, the regions of each image; `side` is one of these words.

    The regions of all classes of an image count. Returns the altered images that have a region, and which
    they are.
    """
    inside, has_region = union(regions, len(images)), with_region(regions, len(images))
    keep = inside if side == "outside" else ~inside
    altered = mixed(images, FILLERS[filler](images), keep)
    return altered[has_region], has_region
