"""One split of a data set as it lies in the cache: small, uint8, one image read at a time."""

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.cache.building import DamagedError
from model_guidance.data.cache.lease import Lease
from model_guidance.data.resizing import Resizing, Size
from model_guidance.errors import UserError

META, NAMES, IMAGES, TABLES = "meta.json", "names.json", "images.bin", "tables.npz"
FRAMES = "frames"
CLASSES, OFFSETS = "_classes", "_offsets"  # what is added to a kind's name, in the tables


@dataclass(frozen=True, eq=False)
class Split:
    """Images of one size, brought to it by `resizing`, with their annotations, in the order of `names`.

    `labels` are 0 or 1; `group` is an index into `groups`, or -1; `shares` are the groups' in training. Of
    each kind of annotation that occurs, `owners` has the class of each object, and `offsets` where each
    image's objects begin. Only these tables are in memory: an image or an object is read from disk when it
    is asked for. Where there is padding, `frames` are the edges x1, y1, x2, y2 of each photo. `remarks` say
    what was left out. `regions` is the folder with the annotations, where these were laid over; otherwise
    they are in `folder`. While it exists, nobody removes either folder. Pickling sends their paths alone.
    """

    folder: Path
    resizing: Resizing
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    exclusive: bool
    outside: bool
    remarks: tuple[str, ...]
    shares: tuple[float, ...]
    labels: UInt8[np.ndarray, "images classes"]
    group: Int[np.ndarray, "images"]
    owners: Mapping[str, Int[np.ndarray, "objects"]]
    offsets: Mapping[str, Int[np.ndarray, "images+1"]]
    leases: tuple[Lease, ...] = field(repr=False)
    regions: Path | None = None
    frames: Float32[np.ndarray, "images 4"] | None = None

    @classmethod
    def open(cls, folder: Path, regions: Path | None = None) -> "Split":
        """Open a finished folder of the cache, with the annotations of another one, `regions`, if given.

        Raises `DamagedError` if files are missing, cut, changed, or may not be read.
        """
        leases = tuple(Lease(each) for each in (folder, regions) if each)
        try:
            meta, tables = _whole(folder)
            facts, marked = ({}, tables) if regions is None else _whole(regions)
            return cls(
                folder,
                Resizing.of(meta["size"], meta.get("resize", "stretch")),
                tuple(meta["classes"]),
                tuple(meta["groups"]),
                meta["exclusive"],
                meta["outside"],
                (*meta["remarks"], *facts.get("remarks", ())),
                tuple(meta.get("shares", ())),
                tables["labels"],
                tables["group"],
                _by_kind(marked, CLASSES),
                _by_kind(marked, OFFSETS),
                leases,
                regions,
                tables.get(FRAMES),
            )
        except (UserError, OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise DamagedError(folder) from error

    def __reduce__(self) -> tuple[Any, ...]:
        return Split.open, (self.folder, self.regions)

    @property
    def size(self) -> Size:
        """(height, width) of the images."""
        return self.resizing.size

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def names(self) -> list[str]:
        """The images' names in the data set."""
        return json.loads((self.folder / NAMES).read_bytes())

    def has(self, *kinds: str) -> Bool[np.ndarray, "images"]:
        """Return which images have at least one object of any of these kinds."""
        found = np.zeros(len(self), bool)
        for kind in kinds:
            if kind in self.offsets:
                found |= np.diff(self.offsets[kind]) > 0
        return found

    def image(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Read one image as RGB in [0, 255]; a fresh array at each call."""
        height, width = self.size
        flat = _read(self.folder / IMAGES, np.uint8, index, 1, 3 * height * width)
        return flat.reshape(height, width, 3)

    def annotations(self, kind: str, index: int) -> tuple[Int[np.ndarray, "n"], np.ndarray]:
        """Return the classes and the shapes, in cached pixels, of one image's objects of a kind."""
        classes, rows = self.rows(kind, index)
        return classes, KINDS[kind].opened(rows, self.size)

    def rows(self, kind: str, index: int) -> tuple[Int[np.ndarray, "n"], np.ndarray]:
        """Return the same as it is stored: the classes, and a row of `Kind.row` for each object."""
        if kind not in self.offsets:
            return self.no_rows(kind)
        dtype, length = KINDS[kind].row(self.size)
        first, end = self.offsets[kind][index : index + 2].tolist()
        file = (self.regions or self.folder) / f"{kind}.bin"
        rows = _read(file, dtype, first, end - first, length).reshape(end - first, length)
        return self.owners[kind][first:end], rows

    def no_rows(self, kind: str) -> tuple[Int[np.ndarray, "0"], np.ndarray]:
        """Return what `rows` does for an image without an object of a kind."""
        dtype, length = KINDS[kind].row(self.size)
        return np.zeros(0, np.int64), np.zeros((0, length), dtype)


def _read(file: Path, dtype: type[np.generic], first: int, count: int, length: int) -> np.ndarray:
    stride = length * np.dtype(dtype).itemsize
    return np.fromfile(file, dtype, count * length, offset=first * stride)


def _whole(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the facts and the tables of a folder; `DamagedError` unless all of its files are as written."""
    meta = json.loads((folder / META).read_bytes())
    if {name: _readable_bytes(folder / name) for name in meta["bytes"]} != meta["bytes"]:
        raise DamagedError(folder)
    with np.load(folder / TABLES) as arrays:
        return meta, dict(arrays)


def _readable_bytes(path: Path) -> int:
    with path.open("rb") as file:
        return os.fstat(file.fileno()).st_size


def _by_kind(tables: Mapping[str, np.ndarray], ending: str) -> dict[str, np.ndarray]:
    return {name.removesuffix(ending): values for name, values in tables.items() if name.endswith(ending)}
