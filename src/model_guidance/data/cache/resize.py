"""One sample at the cache's size, its boxes and masks with it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from PIL import Image

from model_guidance.data.source import Sample

ROUNDING = 1e-6


@dataclass(frozen=True)
class Resized:
    """A sample of `size` x `size` pixels; masks are packed to bits, row by row."""

    pixels: UInt8[np.ndarray, "size size 3"]
    labels: UInt8[np.ndarray, "classes"]
    group: int
    box_classes: Int[np.ndarray, "boxes"]
    box_edges: Float[np.ndarray, "boxes 4"]
    object_classes: Int[np.ndarray, "objects"]
    object_bits: UInt8[np.ndarray, "objects bytes"]


def resize_sample(sample: Sample, size: int, classes: int) -> Resized:
    """Resize to `size` x `size`, bilinearly with antialiasing; the aspect is not kept."""
    labels = np.zeros(classes, np.uint8)
    labels[sorted(sample.labels)] = 1
    scale = np.tile(np.array([size / side for side in sample.image.size], np.float32), 2)
    edges = [widen(box * scale, size) for _, box in sample.boxes]
    bits = [np.packbits(resize_mask(mask, size)) for _, mask in sample.objects if mask.any()]
    return Resized(
        np.asarray(sample.image.resize((size, size), Image.Resampling.BILINEAR)),
        labels,
        sample.group,
        np.array([label for label, _ in sample.boxes], np.int64),
        np.array(edges, np.float32).reshape(-1, 4),
        np.array([label for label, mask in sample.objects if mask.any()], np.int64),
        np.array(bits, np.uint8).reshape(-1, (size**2 + 7) // 8),
    )


def widen(box: Float[np.ndarray, "4"], size: int) -> Float[np.ndarray, "4"]:
    """Make a box thinner than a pixel one pixel wide, around its centre and inside the image."""
    low, high = box[:2], box[2:]
    centred = ((low + high - 1) / 2).clip(0, size - 1)
    low = np.where(high - low < 1, centred, low)
    return np.concatenate([low, np.maximum(high, low + 1)])


def resize_mask(mask: Bool[np.ndarray, "height width"], size: int) -> Bool[np.ndarray, "size size"]:
    """Keep the pixels that `mask` covers by half, or those it covers most if there is none such."""
    covered = _mean_rows(_mean_rows(mask, size).T, size).T
    return covered >= min(0.5, covered.max()) - ROUNDING


def _mean_rows(values: Shaped[np.ndarray, "rows columns"], size: int) -> Float[np.ndarray, "size columns"]:
    """Average over `size` equal strips (Pillow's box filter loses rows whose centre is on an edge)."""
    rows = len(values)
    total = np.vstack([np.zeros_like(values[:1], float), np.cumsum(values, axis=0)])
    edges = np.linspace(0, rows, size + 1)
    whole = np.minimum(edges.astype(int), rows - 1)
    part = (edges - whole)[:, None]
    return np.diff(total[whole] * (1 - part) + total[whole + 1] * part, axis=0) * size / rows
