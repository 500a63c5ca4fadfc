"""Reliance asks the model instead of its maps: what it predicts when pixels are replaced."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from model_guidance.types import Regions


def mean_colour(images: Tensor) -> Tensor:
    """Return images of one colour each: their own mean."""
    return images.mean(dim=(2, 3), keepdim=True).expand_as(images)


def blur(images: Tensor) -> Tensor:
    """Return the images without detail finer than about an eighth of their side."""
    side = min(images.shape[-2:])
    kernel = [2 * (side // 4) + 1] * 2
    return gaussian_blur(images, kernel, [side / 8, side / 8])


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


def replaced(
    images: Float[Tensor, "batch 3 height width"], regions: Regions, filler: str, side: str
) -> tuple[Float[Tensor, "kept 3 height width"], Bool[Tensor, "batch"]]:
    """Replace everything outside, or inside, the regions of each image; `side` is one of these words.

    The regions of all classes of an image count. Returns the altered images that have a region, and which
    they are.
    """
    inside = union(regions, len(images))
    has_region = inside.flatten(1).any(dim=1)
    keep = inside if side == "outside" else ~inside
    altered = torch.where(keep.unsqueeze(1), images, FILLERS[filler](images))
    return altered[has_region], has_region
