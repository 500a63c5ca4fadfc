"""What a reader hands to the rest: one split of a data set, nothing decoded yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image


@dataclass(frozen=True)
class Sample:
    """One image with its annotation, in the image's own pixels.

    `boxes` are (class, [x1, y1, x2, y2]) with float edges: x1 is the left edge of the first column inside,
    x2 the right edge of the last, so an image of width w has its edges at 0 and w. `objects` are
    (class, mask) pairs of a segmentation. `labels` are the classes that are present; `group` is -1 where
    the data set has no groups. `remarks` say what was mended on the way (a box cut at the image's edge).
    """

    image: Image.Image
    labels: frozenset[int]
    boxes: tuple[tuple[int, Float[np.ndarray, "4"]], ...] = ()
    objects: tuple[tuple[int, Bool[np.ndarray, "height width"]], ...] = ()
    group: int = -1
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """One split of a data set.

    `read(i)` decodes the image `names[i]` and raises `UserError` when it or its annotation is defective;
    it may be called from several threads. `files` are the files and folders that the split was read from:
    a copy of the data is out of date when one of them changes; `version` stands for whatever else decides
    the content (options, a seed). `exclusive` means that every image has exactly one class. `outside`
    means that the evidence for a class lies everywhere but in its boxes. `remarks` say what was left out
    or found odd in the split as a whole.
    """

    classes: tuple[str, ...]
    names: Sequence[str]
    read: Callable[[int], Sample]
    files: tuple[Path, ...]
    version: str
    groups: tuple[str, ...] = ()
    exclusive: bool = False
    outside: bool = False
    remarks: tuple[str, ...] = ()
