"""One sample at the cache's size, its annotations with it."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, UInt8

from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.resizing import Resizing
from model_guidance.data.source import Sample


@dataclass(frozen=True)
class Marked:
    """The annotated objects of a sample: (class, row) of each, by its kind.

    `absent` counts those that are left out since the image does not have their class, `removed` those of
    which a crop left nothing.
    """

    objects: dict[str, list[tuple[int, np.ndarray]]] = field(default_factory=dict)
    absent: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Resized:
    """A sample at the cache's size; the photo lies in its `frame` x1, y1, x2, y2."""

    pixels: UInt8[np.ndarray, "height width 3"]
    labels: UInt8[np.ndarray, "classes"]
    group: int
    marked: Marked
    frame: Float32[np.ndarray, "4"]


def resize_sample(sample: Sample, resizing: Resizing, classes: int) -> Resized:
    """Resize the image, and all that is annotated in it."""
    labels = np.zeros(classes, np.uint8)
    labels[sorted(sample.labels)] = 1
    frame = resizing.placement((sample.image.height, sample.image.width)).frame
    pixels, marked = resizing.pixels(sample.image), resize_objects(sample, resizing)
    return Resized(pixels, labels, sample.group, marked, frame)


def resize_objects(sample: Sample, resizing: Resizing) -> Marked:
    """Return what is left of each annotated object of a class that the image has."""
    place = resizing.placement((sample.image.height, sample.image.width))
    every, own = (Counter(each.kind for each in some) for some in (sample.annotations, sample.own))
    found = Marked(absent=every - own)
    for each in sample.own:
        kind = KINDS[each.kind]
        row = kind.resized(each.shape, place)
        if row is not None:
            kept = row.astype(kind.row(resizing.size)[0])
            found.objects.setdefault(each.kind, []).append((each.label, kept))
        elif place.crops and each.shape.any():
            found.removed[each.kind] += 1
    return found
