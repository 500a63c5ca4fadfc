"""One sample at the cache's size, its annotations with it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.source import Sample


@dataclass(frozen=True)
class Resized:
    """A sample of `size` x `size` pixels; `objects` are (class, row) of each object, by its kind."""

    pixels: UInt8[np.ndarray, "size size 3"]
    labels: UInt8[np.ndarray, "classes"]
    group: int
    objects: dict[str, list[tuple[int, np.ndarray]]]


def resize_sample(sample: Sample, size: int, classes: int) -> Resized:
    """Resize to `size` x `size`, bilinearly with antialiasing; the aspect is not kept."""
    labels = np.zeros(classes, np.uint8)
    labels[sorted(sample.labels)] = 1
    pixels = np.asarray(sample.image.resize((size, size), Image.Resampling.BILINEAR))
    return Resized(pixels, labels, sample.group, resize_objects(sample, size))


def resize_objects(sample: Sample, size: int) -> dict[str, list[tuple[int, np.ndarray]]]:
    """Return (class, row) of each annotated object that is left at this size, by its kind."""
    objects: dict[str, list[tuple[int, np.ndarray]]] = {}
    for each in sample.annotations:
        kind = KINDS[each.kind]
        row = kind.resized(each.shape, sample.image.size, size)
        if row is not None:
            objects.setdefault(each.kind, []).append((each.label, row.astype(kind.row(size)[0])))
    return objects
