"""Segmentation masks: bool arrays as large as the image."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torchvision.tv_tensors import Mask

from model_guidance.data.annotations.kind import Kind
from model_guidance.data.regions import dilate_mask
from model_guidance.data.resizing import Placement, Size

ROUNDING = 1e-6


class Masks(Kind):
    """Rows are the mask's bits, packed to bytes."""

    united = False

    def row(self, size: Size) -> tuple[type[np.generic], int]:
        """Return one bit for each pixel."""
        return np.uint8, (size[0] * size[1] + 7) // 8

    def resized(self, shape: np.ndarray, place: Placement) -> np.ndarray | None:
        """Keep the pixels that the mask covers by half; see `resize_mask`."""
        found = place.placed(resize_mask(shape, place.inner)) if shape.any() else shape
        return np.packbits(found) if found.any() else None

    def opened(self, rows: np.ndarray, size: Size) -> Bool[np.ndarray, "objects height width"]:
        """Unpack the bits."""
        bits = np.unpackbits(rows, axis=1)[:, : size[0] * size[1]]
        return bits.reshape(len(rows), *size).astype(bool)

    def dilated(self, shapes: Tensor, fraction: float, size: Size) -> Tensor:
        """Grow each mask on every side."""
        return torch.stack([dilate_mask(mask, fraction) for mask in shapes]) if len(shapes) else shapes

    def movable(self, shapes: Tensor, size: Size) -> Tensor:
        """Return torchvision's masks."""
        return Mask(shapes)

    def masks(self, moved: Tensor, size: Size) -> Bool[Tensor, "objects height width"]:
        """Return the masks as they are."""
        return moved.as_subclass(torch.Tensor)

    def frames(self, shapes: np.ndarray) -> Float[np.ndarray, "objects 4"]:
        """Return the box around each mask."""
        return np.array([_frame(mask) for mask in shapes], np.float32).reshape(-1, 4)


def _frame(mask: Bool[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if len(rows) else (0, 0, 0, 0)


def resize_mask(mask: Bool[np.ndarray, "rows columns"], size: Size) -> Bool[np.ndarray, "height width"]:
    """Keep the pixels that `mask` covers by half, or those it covers most if there is none such."""
    covered = _mean_rows(_mean_rows(mask, size[0]).T, size[1]).T
    return covered >= min(0.5, covered.max()) - ROUNDING


def _mean_rows(
    values: Shaped[np.ndarray, "rows columns"], strips: int
) -> Float[np.ndarray, "strips columns"]:
    """Average over `strips` equal strips (Pillow's box filter loses rows whose centre is on an edge)."""
    rows = len(values)
    total = np.vstack([np.zeros_like(values[:1], float), np.cumsum(values, axis=0)])
    edges = np.linspace(0, rows, strips + 1)
    whole = np.minimum(edges.astype(int), rows - 1)
    part = (edges - whole)[:, None]
    return np.diff(total[whole] * (1 - part) + total[whole + 1] * part, axis=0) * strips / rows
