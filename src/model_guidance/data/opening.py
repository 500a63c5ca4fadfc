"""Data sets by name: one split of them, as it was read or ready to load; importing this imports no torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_guidance.data.overlay import Overlay, laid_over, overlay
from model_guidance.data.photos import check_orientation, oriented
from model_guidance.data.readers import (
    annotations,
    coco,
    decoymnist,
    dominoes,
    folder,
    imagefolder,
    imagenet9,
    shapes,
    siim_acr,
    table,
    voc,
    waterbirds,
)
from model_guidance.data.readers.options import SPLITS, check_split
from model_guidance.data.readers.reader import Reader
from model_guidance.data.resizing import Resizing
from model_guidance.data.source import Sample, Source
from model_guidance.errors import UserError, meant
from model_guidance.lookup import find

if TYPE_CHECKING:
    from model_guidance.data.cache.split import Split

DATASETS: dict[str, Reader] = {
    "voc": Reader(voc.read),
    "coco": Reader(coco.read),
    "waterbirds": Reader(
        waterbirds.read,
        augments=True,
        task="task",
        release="correlation",
        ceiling={"training": "mixed"},
    ),
    "folder": Reader(folder.read, draws=True),
    "table": Reader(table.read, draws=True),
    "imagefolder": Reader(imagefolder.read, draws=True),
    "annotations": Reader(annotations.read, draws=True),
    "imagenet9": Reader(imagenet9.read, ceiling={"training": "mixed_rand"}),
    "siim_acr": Reader(siim_acr.read),
    "decoymnist": Reader(decoymnist.read, needs_root=False, ceiling={"patch": "independent"}),
    "dominoes": Reader(dominoes.read, ceiling={"digit": "independent"}),
    "shapes": Reader(shapes.read, needs_root=False, task="labels", ceiling={"background": "independent"}),
}


def open_source(
    name: str,
    root: Path | None,
    split: str,
    *,
    annotations: Sequence[Path] = (),
    orientation: str = "stored",
    **options: Any,
) -> Source:
    """Read one split of the data set `name` of `DATASETS`, nothing decoded yet.

    `annotations` are files with more regions, in any format of `formats`: of an image that is in several,
    those of the last one count; `orientation` as for `photos.oriented`, for the photos and their regions
    alike; `options` are those of the reader. Raises `UserError` for an unknown name, split or option, and for
    whatever is missing under `root`.
    """
    source = _turned(_read(name, root, split, options), orientation)
    for path in annotations:
        source = laid_over(source, _overlay(name, root, source, split, path, options))
    return source


def _overlay(
    name: str,
    root: Path | None,
    source: Source,
    split: str,
    path: Path,
    options: Mapping[str, Any],
) -> Overlay:
    """Return what a file of annotations says of a split, which must know the other splits' images too."""
    others = source.others
    if others is None:
        parts = (_read(name, root, each, options) for each in SPLITS if each != split)
        others = [image for part in parts for image in part.names]
    return overlay(path.expanduser(), source, others)


def _read(name: str, root: Path | None, split: str, options: Mapping[str, Any]) -> Source:
    reader = reader_of(name)
    known = reader.options
    check_split(split)
    if root is None and reader.needs_root:
        raise UserError(f"--data {name}: needs --root, the folder in which it lies")
    for option, value in options.items():
        if option not in known:
            raise UserError(
                f"--options.{option} {value}: is no option of {name}; there are {', '.join(known) or 'none'}"
                f"{meant(option, known)}"
            )
    home = root and Path(root).expanduser()
    source = replace(reader(home, split, **options), root=home)
    if not source.names:
        raise UserError(f"{root}: the split {split} of {name} has no image, but must have at least one")
    return source


def _turned(source: Source, orientation: str) -> Source:
    """Return the source with its photos turned upright if they shall be: its regions are of these."""
    check_orientation(orientation)
    if orientation == "stored":
        return source
    return replace(source, read=partial(_upright, source.read), version=f"{source.version} upright")


def _upright(read: Callable[[int], Sample], index: int) -> Sample:
    with oriented("upright"):
        return read(index)


def open_split(
    name: str,
    root: Path | None,
    split: str,
    size: int | str,
    cache: Path,
    options: Mapping[str, Any],
    annotations: Sequence[Path] = (),
    mode: str = "stretch",
    orientation: str = "stored",
) -> "Split":
    """Return the same split at a size, from the folder `cache` or built there.

    `size` is the side of a square or WIDTHxHEIGHT, `mode` how images are brought there (`Resizing`). A data
    set that is drawn rather than read is drawn at the longer side, unless `options` say otherwise.
    """
    Resizing.of(size, mode)
    from model_guidance.data.cache.cached import cached  # noqa: PLC0415  (torch)

    options = drawn_at(name, size, options)
    source = _turned(_read(name, root, split, options), orientation)
    whole = cached(source, size, Path(cache).expanduser(), f"{name} {split}", mode)
    for path in annotations:
        from model_guidance.data.cache.overlaid import overlaid  # noqa: PLC0415  (torch)

        found = _overlay(name, root, source, split, path, options)
        whole, source = overlaid(whole, source, found), laid_over(source, found)
    return whole


def drawn_at(name: str, size: int | str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a reader's options with the size at which it draws, if it draws and they do not say it."""
    side = max(Resizing.of(size).size)
    return {"size": side, **options} if "size" in reader_of(name).options else dict(options)


def reader_of(name: str) -> Reader:
    """Return a reader of `DATASETS`, or one of the user's own (or a function) that a dotted name names."""
    if name not in DATASETS and "." not in name:
        raise UserError(
            f"--data {name}: is neither a path nor a data set that is known; there are "
            f"{', '.join(DATASETS)}, or package.module.function"
            f"{meant(name, DATASETS)}"
        )
    found = find("data set", name, DATASETS, takes=("root", "split"))
    return found if isinstance(found, Reader) else Reader(found)


def known_of(name: str) -> Reader:
    """Return the same where only what is known of the data is asked for: a user's own is not imported."""
    return DATASETS.get(name) or Reader(partial(open_source, name))
