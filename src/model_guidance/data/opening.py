"""Data sets by name: one split of them, as it was read or ready to load; importing this imports no torch."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_guidance.data.readers import coco, folder, shapes, voc, waterbirds
from model_guidance.data.readers.options import check_split
from model_guidance.data.source import Source
from model_guidance.errors import UserError
from model_guidance.lookup import find

if TYPE_CHECKING:
    from model_guidance.data.cache.split import Split

DATASETS: dict[str, Callable[..., Source]] = {
    "voc": voc.read,
    "coco": coco.read,
    "waterbirds": waterbirds.read,
    "folder": folder.read,
    "shapes": shapes.read,
}


def open_source(name: str, root: Path | None, split: str, **options: Any) -> Source:
    """Read one split of the data set `name` of `DATASETS`, nothing decoded yet.

    `options` are those of its reader. Raises `UserError` for an unknown name, split or option, and for
    whatever is missing under `root`, which only "shapes" does without.
    """
    known = reader_options(name)
    check_split(split)
    if root is None and name != "shapes":
        raise UserError(f"--data {name}: needs --root, the folder in which it lies")
    for option, value in options.items():
        if option not in known:
            raise UserError(
                f"--options.{option} {value}: is no option of {name}; there are {', '.join(known) or 'none'}"
            )
    home = root and Path(root).expanduser()
    source = replace(_reader(name)(home, split, **options), root=home)
    if not source.names:
        raise UserError(f"{root}: the split {split} of {name} has no image, but must have at least one")
    return source


def open_split(
    name: str, root: Path | None, split: str, size: int, cache: Path, options: Mapping[str, Any]
) -> "Split":
    """Return the same split at `size` x `size` pixels, from the folder `cache` or built there.

    A data set that is drawn rather than read is drawn at that size, unless `options` say otherwise.
    """
    if size < 8:
        raise UserError(f"--size {size}: must be at least 8 pixels")
    if "size" in reader_options(name):
        options = {"size": size, **options}
    from model_guidance.data.cache.cached import cached  # noqa: PLC0415  (torch)

    source = open_source(name, root, split, **options)
    return cached(source, size, Path(cache).expanduser(), f"{name} {split}")


def reader_options(name: str) -> list[str]:
    """Return the names of the options that the reader `name` takes; `UserError` for an unknown data set."""
    return list(inspect.signature(_reader(name)).parameters)[2:]


def _reader(name: str) -> Callable[..., Source]:
    """Return a reader of `DATASETS`, or the function of the user's own that a dotted name names."""
    if name not in DATASETS and "." not in name:
        raise UserError(
            f"--data {name}: is unknown; there are {', '.join(DATASETS)}, or package.module.function"
        )
    return find("data set", name, DATASETS)
