"""Replacing pixels: what is kept, with soft edges, and what takes the place of the rest.

Images are of one value range, whichever, and come as a batch. Evaluation (`metrics.reliance`) and training
(`data.composites`) replace by these functions alike.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

Images = Float[Tensor, "batch 3 height width"]
Masks = Bool[Tensor, "batch height width"]

FEATHER = 1 / 64  # width of a soft edge, in sides of the image: hides the seam, shows no halo
FADE = 1 / 16  # the same around what is painted over, where the surroundings may be seen for longer
CELLS = (2, 4, 8, 16, 32)  # to a side, from coarse to fine: what is painted over is smooth
TRUST = 0.05  # share of a cell that must be seen for its own colour to count as much as the coarser one


def mixed(images: Images, others: Images, kept: Shaped[Tensor, "batch height width"]) -> Images:
    """Return `images` where `kept` is 1, `others` where it is 0, and their linear mixture between."""
    share = kept.unsqueeze(1).to(images.dtype)
    return share * images + (1 - share) * others


def feathered(masks: Masks, width: int | None = None) -> Float[Tensor, "batch height width"]:
    """Return masks with soft edges: 1 on all of the mask, falling to 0 within `width` pixels around it.

    The ramp lies outside of the mask, so that no pixel of an object is lost, however small it is. The image's
    own edge is no edge of the mask. By default the `width` is a 64th of the shorter side, at least 2; odd
    numbers are rounded down, 0 leaves hard edges.
    """
    radius = max(1, round(FEATHER / 2 * min(masks.shape[-2:]))) if width is None else width // 2
    window = 2 * radius + 1
    grown = F.max_pool2d(masks.float().unsqueeze(1), window, stride=1, padding=radius)
    padded = F.pad(grown, [radius] * 4, mode="replicate")
    return F.avg_pool2d(padded, window, stride=1).squeeze(1)


def mean_colour(images: Images, seen: Masks | None = None) -> Images:
    """Return images of one colour each: the mean of their own pixels, or of those `seen` (of none: black)."""
    if seen is None:
        return images.mean(dim=(2, 3), keepdim=True).expand_as(images)
    share = seen.unsqueeze(1).to(images.dtype)
    total = (images * share).sum(dim=(2, 3), keepdim=True)
    return (total / share.sum(dim=(2, 3), keepdim=True).clamp(min=1)).expand_as(images)


def blur(images: Images) -> Images:
    """Return the images without detail finer than about an eighth of their side."""
    side = min(images.shape[-2:])
    window, deviation = 2 * (side // 4) + 1, [side / 8] * 2
    rows = gaussian_blur(images, [window, 1], deviation)  # one axis after the other takes a 20th of the time
    return gaussian_blur(rows, [1, window], deviation)


def noise(images: Images, highest: float, seed: int) -> Images:
    """Return images whose every value is drawn from 0 to `highest`, all equally likely, by `seed` alone."""
    generator = torch.Generator().manual_seed(seed)
    return highest * torch.rand(images.shape, generator=generator, dtype=images.dtype).to(images.device)


def without_objects(images: Images, objects: Masks, width: int | None = None) -> Images:
    """Return the images with their objects painted over, smoothly continuing what lies around them.

    Their mean colour would leave the object's outline, a blur of the whole its colours. By default the soft
    edge is a 16th of the shorter side wide.
    """
    cover = feathered(objects, round(FADE * min(objects.shape[-2:])) if width is None else width)
    return mixed(continued(images, feathered(objects) == 0), images, cover)


def continued(images: Images, seen: Masks) -> Images:
    """Return smooth images of the pixels that are `seen`, filled elsewhere from ever coarser neighbourhoods.

    This is the pull and push of Gortler et al., "The Lumigraph", 1996, on grids of `CELLS`.
    """
    share = seen.unsqueeze(1).to(images.dtype)
    filled = mean_colour(images, seen)
    for cells in CELLS:
        colour, known, coarser = (
            F.adaptive_avg_pool2d(each, cells) for each in (images * share, share, filled)
        )
        grid = (colour + TRUST * coarser) / (known + TRUST)
        filled = F.interpolate(grid, images.shape[-2:], mode="bilinear")
    return filled
