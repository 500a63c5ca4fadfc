"""What the frozen part of a network puts out for the images of a split, on disk beside them."""

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Int

from model_guidance.data.cache.building import DamagedError, built
from model_guidance.errors import UserError

ROWS, INDEX = "rows.npy", "index.npy"
SPARE = 100 << 20  # bytes of a disk that are left alone

Part = tuple[Int[np.ndarray, "n"], np.ndarray]
"""The positions of some images in their split, and a row of features for each."""


@dataclass(frozen=True, eq=False)
class Features:
    """Rows of features of images of a split, read from disk one at a time; pickling sends the path alone.

    `index` are the positions in the split of the images that have a row, sorted, and `order` is where each
    one's row lies.
    """

    folder: Path
    index: Int[np.ndarray, "rows"] = field(repr=False)
    order: Int[np.ndarray, "rows"] = field(repr=False)

    @classmethod
    def open(cls, folder: Path) -> "Features":
        """Open a finished folder; raises `DamagedError` if its files are missing or cut."""
        try:
            index = np.load(folder / INDEX)
            rows = _rows(folder)
        except (OSError, ValueError) as error:
            raise DamagedError(folder) from error
        if len(rows) != len(index):
            raise DamagedError(folder)
        order = np.argsort(index, kind="stable")
        return cls(folder, index[order], order)

    def __reduce__(self) -> tuple[Callable[[Path], "Features"], tuple[Path]]:
        return Features.open, (self.folder,)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return the features of the image at a position in the split; `KeyError` if it has none."""
        place = int(np.searchsorted(self.index, index))
        if place == len(self.index) or self.index[place] != index:
            raise KeyError(index)
        return np.array(_rows(self.folder)[self.order[place]])


@cache
def _opened(folder: Path, identity: tuple[int, int]) -> np.ndarray:  # of a file that was built anew: anew
    return np.load(folder / ROWS, mmap_mode="r")


def _rows(folder: Path) -> np.ndarray:
    found = (folder / ROWS).stat()
    return _opened(folder, (found.st_ino, found.st_mtime_ns))


def cached_features(
    home: Path, shape: tuple[int, ...], dtype: np.dtype, count: int, parts: Callable[[], Iterable[Part]]
) -> Features:
    """Return the features that lie in the folder `home`, after writing there what `parts()` yields.

    `count` is how many rows there will be at most, each of `shape` and `dtype`. The folder is complete or
    absent, see `built`. Raises `UserError` if they do not fit the disk, or are no numbers of that type.
    """

    def write(partial: Path) -> None:
        check_space(home.parent, count * row_bytes(shape, dtype))
        _write(partial, shape, dtype, parts())

    return built(home, home.name, write, Features.open)


def row_bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Return how many bytes a row of features takes."""
    return int(np.prod(shape)) * dtype.itemsize


def check_space(folder: Path, needed: int) -> None:
    """Raise `UserError` unless so many bytes of features fit the disk of a split's folder in the cache."""
    free = shutil.disk_usage(folder).free - SPARE
    if needed > free:
        raise UserError(
            f"--cache {folder.parent}: the features need {needed / 1e9:.2f} GB, {max(free, 0) / 1e9:.2f} GB "
            "are free: choose another folder, --feature_precision 16, fewer --views or a later --frozen layer"
        )


def _write(folder: Path, shape: tuple[int, ...], dtype: np.dtype, parts: Iterable[Part]) -> None:
    indices: list[np.ndarray] = []
    with (folder / ROWS).open("w+b") as file:
        _write_header(file, (0, *shape), dtype)
        for index, rows in parts:
            converted = rows.astype(dtype)
            if not np.isfinite(converted).all():
                raise UserError(
                    f"--frozen: features of up to {np.abs(rows).max():.3g} are not finite in {dtype}: give "
                    "--feature_precision 32"
                )
            file.write(converted.tobytes())
            indices.append(index)
        index = np.concatenate([np.zeros(0, np.int64), *indices])
        file.seek(0)
        _write_header(file, (len(index), *shape), dtype)
        file.flush()
        os.fsync(file.fileno())
    with (folder / INDEX).open("wb") as file:
        np.save(file, index)
        os.fsync(file.fileno())


def _write_header(file, shape: tuple[int, ...], dtype: np.dtype) -> None:  # type: ignore[no-untyped-def]
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
