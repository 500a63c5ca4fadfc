"""Random crop and flip that move an image and its annotations together."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torchvision.transforms import v2
from torchvision.tv_tensors import Image

from model_guidance.data.resizing import Size

CROP_AREA, CROP_ASPECT = (0.7, 1.0), (3 / 4, 4 / 3)  # the aspect in aspects of the image


def crop_and_flip(
    image: UInt8[Tensor, "3 height width"], annotations: Sequence[Tensor], seed: int
) -> tuple[UInt8[Tensor, "3 height width"], list[Tensor]]:
    """Crop 70 to 100 % of the area, back at the full size, and flip every second time; drawn from `seed`.

    `annotations` are `BoundingBoxes` or `Mask` of torchvision. Boxes are cut at the crop; one that lies
    outside of it loses its extent. The caller's random state is not touched.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        moved, *rest = _transform((image.shape[-2], image.shape[-1]))([Image(image), *annotations])
    return moved.as_subclass(Tensor), rest


@cache
def _transform(size: Size) -> v2.Transform:
    aspects = [size[1] / size[0] * each for each in CROP_ASPECT]
    crop = v2.RandomResizedCrop(size, CROP_AREA, aspects, antialias=True)
    return v2.Compose([crop, v2.RandomHorizontalFlip()])


def seed_of(*numbers: int) -> int:
    """Hash numbers from 0 upwards into one seed."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint32)[0])
