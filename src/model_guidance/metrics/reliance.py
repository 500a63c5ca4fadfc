"""Reliance asks the model instead of its maps: what it predicts when pixels are replaced."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from model_guidance.data.replacement import blur, mean_colour, mixed
from model_guidance.types import Regions

SEED = 0


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


def sample(marked: Bool[np.ndarray, "images"], count: int) -> Bool[Tensor, "images"] | None:
    """Return which `count` of the images of a split stand for all that are `marked`; None: there are no more.

    They are drawn at random, always alike; those of a smaller count are among those of a larger one.
    """
    if marked.sum() <= count:
        return None
    order = np.random.default_rng(SEED).permutation(len(marked))
    return torch.zeros(len(marked), dtype=torch.bool).index_fill(
        0, torch.from_numpy(order[marked[order]][:count]), True
    )


def needed(chosen: Bool[Tensor, "batch"], filler: str = "swap") -> Bool[Tensor, "batch"]:
    """Return which images of a batch it takes to alter those `chosen`: these, and what fills them.

    What is left of the batch fills them with the same pixels as the whole.
    """
    return chosen | chosen.roll(-1) if filler == "swap" else chosen


def replaced(
    images: Float[Tensor, "batch 3 height width"],
    regions: Regions,
    filler: str,
    side: str,
    chosen: Bool[Tensor, "batch"] | None = None,
) -> tuple[Float[Tensor, "kept 3 height width"], Bool[Tensor, "batch"]]:
    """Replace everything outside, or inside, the regions of each image; `side` is one of these words.

    The regions of all classes of an image count. Returns the altered images that have a region, or those
    `chosen` of them, and which they are.
    """
    inside, has_region = union(regions, len(images)), with_region(regions, len(images))
    kept, taken = has_region, torch.ones_like(has_region)
    if chosen is not None and not torch.equal(chosen, has_region):
        kept, taken = chosen & has_region, needed(chosen & has_region, filler)
    some, inside = images[taken], inside[taken]
    altered = mixed(some, FILLERS[filler](some), inside if side == "outside" else ~inside)
    return altered[kept[taken]], kept
