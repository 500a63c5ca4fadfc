"""Boxes: pixel edges x1, y1, x2, y2."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchvision.tv_tensors import BoundingBoxes

from model_guidance.data.annotations.kind import Kind
from model_guidance.data.regions import box_masks, dilate_boxes

THINNEST = 0.5  # pixels that a crop must leave of a box; uncropped ones have a whole pixel


class Boxes(Kind):
    """Rows are the four float32 edges in pixels of the cache, at least a pixel apart."""

    def row(self, size: int) -> tuple[type[np.generic], int]:
        """Return four numbers."""
        return np.float32, 4

    def resized(self, shape: np.ndarray, image: tuple[int, int], size: int) -> np.ndarray:
        """Scale the edges; a box thinner than a pixel becomes one pixel wide."""
        scale = np.tile(np.array([size / side for side in image], np.float32), 2)
        return widen(shape * scale, size)

    def dilated(self, shapes: Tensor, fraction: float, size: int) -> Tensor:
        """Move each edge outwards, at most to the image's edge."""
        return dilate_boxes(shapes, fraction, (size, size))

    def movable(self, shapes: Tensor, size: int) -> Tensor:
        """Return torchvision's boxes."""
        return BoundingBoxes(shapes, format="XYXY", canvas_size=(size, size))

    def masks(self, moved: Tensor, size: int) -> Bool[Tensor, "objects size size"]:
        """Round the edges to pixels; a box of which a crop left less than half a pixel is empty."""
        boxes = moved.as_subclass(torch.Tensor)
        left = (boxes[:, 2:] - boxes[:, :2]).amin(dim=1) >= THINNEST
        return box_masks(boxes, (size, size)) & left[:, None, None]

    def frames(self, shapes: np.ndarray) -> Float[np.ndarray, "objects 4"]:
        """Return the boxes."""
        return shapes


def widen(box: Float[np.ndarray, "4"], size: int) -> Float[np.ndarray, "4"]:
    """Make a box thinner than a pixel one pixel wide, around its centre and inside the image."""
    low, high = box[:2], box[2:]
    centred = ((low + high - 1) / 2).clip(0, size - 1)
    low = np.where(high - low < 1, centred, low)
    return np.concatenate([low, np.maximum(high, low + 1)])
