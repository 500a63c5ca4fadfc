"""Boxes: pixel edges x1, y1, x2, y2."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchvision.tv_tensors import BoundingBoxes

from model_guidance.data.annotations.kind import Kind
from model_guidance.data.regions import box_masks, dilate_boxes
from model_guidance.data.resizing import Placement, Size

THINNEST = 0.5  # pixels that a crop must leave of a box; uncropped ones have a whole pixel


class Boxes(Kind):
    """Rows are the four float32 edges in pixels of the cache, at least a pixel apart."""

    def row(self, size: Size) -> tuple[type[np.generic], int]:
        """Return four numbers."""
        return np.float32, 4

    def resized(self, shape: np.ndarray, place: Placement) -> np.ndarray | None:
        """Scale and shift the edges; a box thinner than a pixel becomes one pixel wide."""
        box, frame = shape * place.scale + place.shift, place.frame
        if place.crops:
            cut = box.clip(np.tile(frame[:2], 2), np.tile(frame[2:], 2))
            if (cut != box).any() and (cut[2:] - cut[:2]).min() < THINNEST:
                return None
            box = cut
        return widen(box, frame)

    def dilated(self, shapes: Tensor, fraction: float, size: Size) -> Tensor:
        """Move each edge outwards, at most to the image's edge."""
        return dilate_boxes(shapes, fraction, size)

    def movable(self, shapes: Tensor, size: Size) -> Tensor:
        """Return torchvision's boxes."""
        return BoundingBoxes(shapes, format="XYXY", canvas_size=size)

    def masks(self, moved: Tensor, size: Size) -> Bool[Tensor, "objects height width"]:
        """Round the edges to pixels; a box of which a crop left less than half a pixel is empty."""
        boxes = moved.as_subclass(torch.Tensor)
        left = (boxes[:, 2:] - boxes[:, :2]).amin(dim=1) >= THINNEST
        return box_masks(boxes, size) & left[:, None, None]

    def frames(self, shapes: np.ndarray) -> Float[np.ndarray, "objects 4"]:
        """Return the boxes."""
        return shapes


def widen(box: Float[np.ndarray, "4"], frame: Float[np.ndarray, "4"]) -> Float[np.ndarray, "4"]:
    """Make a box thinner than a pixel one pixel wide, around its centre and inside the frame."""
    low, high = box[:2], box[2:]
    centred = ((low + high - 1) / 2).clip(frame[:2], frame[2:] - 1)
    low = np.where(high - low < 1, centred, low)
    return np.concatenate([low, np.maximum(high, low + 1)])
