"""What a reader hands to the rest: one split of a data set, nothing decoded yet."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from PIL import Image


@dataclass(frozen=True)
class Annotation:
    """One annotated object of class `label`, in the image's own pixels.

    `kind` is a name of `annotations.kinds.KINDS`, and says what `shape` is. "boxes" and "ignore": float
    edges x1, y1, x2, y2, where x1 is the left edge of the first column inside and x2 the right edge of the
    last, so that an image of width w has its edges at 0 and w. "masks": bool, (height, width). "points": x,
    y, radius.
    """

    kind: str
    label: int
    shape: np.ndarray


@dataclass(frozen=True)
class Sample:
    """One image with its annotations.

    `labels` are the classes that are present; `group` is -1 where the data set has no groups. `remarks` say
    what was mended on the way (a box cut at the image's edge).
    """

    image: Image.Image
    labels: frozenset[int]
    annotations: tuple[Annotation, ...] = ()
    group: int = -1
    remarks: tuple[str, ...] = ()

    @property
    def own(self) -> tuple[Annotation, ...]:
        """The annotations of classes that the image has: no other one guides, or is scored."""
        return tuple(each for each in self.annotations if each.label in self.labels)

    def of(self, kind: str) -> list[tuple[int, np.ndarray]]:
        """Return (class, shape) of each object of one kind."""
        return [(each.label, each.shape) for each in self.annotations if each.kind == kind]


def annotated(kind: str, objects: Iterable[tuple[int, Any]]) -> tuple[Annotation, ...]:
    """Return (class, shape) pairs as annotations of one kind."""
    return tuple(Annotation(kind, label, shape) for label, shape in objects)


def bounding_box(mask: Bool[np.ndarray, "height width"]) -> Float32[np.ndarray, "4"]:
    """Return the edges x1, y1, x2, y2 of the smallest box around a mask, which must not be empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=np.float32)


def by_remark(remarks: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return each of the splits' `remarks` once, in their order, with the splits that it is of."""
    found: dict[str, list[str]] = {}
    for split, own in remarks.items():
        for remark in dict.fromkeys(own):
            found.setdefault(remark, []).append(split)
    return found


@dataclass(frozen=True)
class Source:
    """One split of a data set.

    `read(i)` decodes the image `names[i]` and raises `UserError` when it or its annotation is defective;
    it may be called from several threads. `files` are the files (or folders) that the split is read from,
    there or not: a copy of the data is out of date when one of them changes; `version` stands for whatever
    else decides the content (options, a seed). `exclusive` means that every image has exactly one class.
    `outside` means that the evidence for a class lies everywhere but in its boxes. `remarks` say what was
    left out or found odd in the split as a whole. `root` is the folder that the user named. `shares` are
    those of the groups in the training set, in [0, 1]; empty where they are of no interest. `others` are the
    names of the other splits' images; None: these splits must be read to know.
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
    root: Path | None = None
    shares: tuple[float, ...] = ()
    others: Sequence[str] | None = None
