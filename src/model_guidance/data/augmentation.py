"""Random crop and flip that move an image, its boxes and its masks together."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torchvision.transforms import v2
from torchvision.tv_tensors import BoundingBoxes, Image, Mask

CROP_AREA, CROP_ASPECT = (0.7, 1.0), (3 / 4, 4 / 3)


@dataclass(frozen=True)
class Layers:
    """Everything about one square image that moves with it; boxes are x1, y1, x2, y2 pixel edges."""

    image: UInt8[Tensor, "3 size size"]
    boxes: Float[Tensor, "boxes 4"]
    masks: Bool[Tensor, "masks size size"]


def crop_and_flip(layers: Layers, seed: int) -> Layers:
    """Crop 70 to 100 % of the area, back at the full size, and flip every second time; drawn from `seed`.

    Boxes are cut at the crop; one that lies outside of it loses its extent. The caller's random state is
    not touched.
    """
    size = layers.image.shape[-1]
    boxes = BoundingBoxes(layers.boxes, format="XYXY", canvas_size=(size, size))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        moved = _transform(size)(Image(layers.image), boxes, Mask(layers.masks))
    return Layers(*(layer.as_subclass(Tensor) for layer in moved))


@cache
def _transform(size: int) -> v2.Transform:
    crop = v2.RandomResizedCrop(size, CROP_AREA, CROP_ASPECT, antialias=True)
    return v2.Compose([crop, v2.RandomHorizontalFlip()])


def mix(*numbers: int) -> int:
    """Hash numbers from 0 upwards into one seed."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint32)[0])
