"""Regions of another file laid over a cached split: kept beside it, so that new ones cost no image."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.cache.building import built, remove_stale
from model_guidance.data.cache.fingerprint import regions_key
from model_guidance.data.cache.resize import Marked, resize_objects
from model_guidance.data.cache.split import Split
from model_guidance.data.cache.writing import THREADS, write_regions
from model_guidance.data.overlay import Overlay
from model_guidance.data.source import Source


def overlaid(split: Split, source: Source, found: Overlay) -> Split:
    """Return the cached `split` of `source` with the regions of a file, as `Overlay.sample` has them.

    They are kept in a folder named after the split's, or after that of the regions which lie below; one of
    the same file from before it changed is deleted, unless another process reads it. Only images that the
    file names are opened. Raises `UserError` for a defective annotation, and when the folder cannot be
    written.
    """
    file, key = regions_key(found.file.path, found.file.files)
    stem = f"{(split.regions or split.folder).name}-regions-{file}"
    home = split.folder.parent / f"{stem}-{key}"

    def write(partial: Path) -> None:
        write_regions(_objects(split, source, found), partial)
        remove_stale(home.parent, stem)

    whole = built(home, stem, write, lambda folder: Split.open(split.folder, folder))
    return replace(whole, remarks=tuple(dict.fromkeys((*split.remarks, *whole.remarks, *found.remarks))))


def _objects(split: Split, source: Source, found: Overlay) -> Iterator[Marked]:
    """Yield the objects of each image in turn: as they are kept, or anew where the file names the image."""
    with ThreadPoolExecutor(THREADS) as pool:
        anew = {
            index: pool.submit(lambda each: resize_objects(found.sample(source, each), split.resizing), index)
            for index in sorted(found.entries)
        }
        try:
            for index in range(len(split)):
                yield anew.pop(index).result() if index in anew else _kept(split, index)
        finally:
            pool.shutdown(cancel_futures=True)


def _kept(split: Split, index: int) -> Marked:
    rows = {kind: split.rows(kind, index) for kind in KINDS}
    return Marked(
        {kind: list(zip(of.tolist(), each, strict=True)) for kind, (of, each) in rows.items() if len(of)}
    )
