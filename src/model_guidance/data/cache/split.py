"""One split of a data set as it lies in the cache: small, uint8, one image read at a time."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

META, NAMES, IMAGES, MASKS, TABLES = "meta.json", "names.json", "images.bin", "masks.bin", "tables.npz"


@dataclass(frozen=True, eq=False)
class Split:
    """Images of `size` x `size` pixels with their annotation, in the order of `names`.

    `labels` are 0 or 1; `group` is an index into `groups`, or -1. Only the tables are in memory: an image
    or a mask is read from disk when it is asked for. Pickling sends the folder's path alone.
    """

    folder: Path
    size: int
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    exclusive: bool
    outside: bool
    labels: UInt8[np.ndarray, "images classes"]
    group: Int[np.ndarray, "images"]
    box_edges: Float[np.ndarray, "boxes 4"]
    box_classes: Int[np.ndarray, "boxes"]
    box_offsets: Int[np.ndarray, "images+1"]
    object_classes: Int[np.ndarray, "objects"]
    object_offsets: Int[np.ndarray, "images+1"]

    @classmethod
    def open(cls, folder: Path) -> "Split":
        """Open a finished folder of the cache."""
        meta = json.loads((folder / META).read_text())
        classes, groups = tuple(meta["classes"]), tuple(meta["groups"])
        with np.load(folder / TABLES) as tables:
            return cls(folder, meta["size"], classes, groups, meta["exclusive"], meta["outside"], **tables)

    def __reduce__(self) -> tuple[Any, ...]:
        return Split.open, (self.folder,)

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def names(self) -> list[str]:
        """The images' names in the data set."""
        return json.loads((self.folder / NAMES).read_text())

    @property
    def has_boxes(self) -> Bool[np.ndarray, "images"]:
        """Which images have at least one box."""
        return np.diff(self.box_offsets) > 0

    @property
    def has_objects(self) -> Bool[np.ndarray, "images"]:
        """Which images have at least one segmentation mask."""
        return np.diff(self.object_offsets) > 0

    def image(self, index: int) -> UInt8[np.ndarray, "size size 3"]:
        """Read one image as RGB in [0, 255]; a fresh array at each call."""
        flat = self._read(IMAGES, index, 1, 3 * self.size**2)
        return flat.reshape(self.size, self.size, 3)

    def boxes(self, index: int) -> tuple[Int[np.ndarray, "n"], Float[np.ndarray, "n 4"]]:
        """Return the classes and the float32 x1, y1, x2, y2 edges, in cached pixels, of one image's boxes."""
        chosen = slice(*self.box_offsets[index : index + 2])
        return self.box_classes[chosen], self.box_edges[chosen]

    def objects(self, index: int) -> tuple[Int[np.ndarray, "n"], Bool[np.ndarray, "n size size"]]:
        """Return the classes and the masks of one image's segmented objects."""
        first, end = self.object_offsets[index : index + 2].tolist()
        count, packed = end - first, (self.size**2 + 7) // 8
        bits = np.unpackbits(self._read(MASKS, first, count, packed).reshape(count, packed), axis=1)
        masks = bits[:, : self.size**2].reshape(count, self.size, self.size)
        return self.object_classes[first:end], masks.astype(bool)

    def _read(self, name: str, first: int, count: int, stride: int) -> UInt8[np.ndarray, "bytes"]:
        return np.fromfile(self.folder / name, np.uint8, count * stride, offset=first * stride)
