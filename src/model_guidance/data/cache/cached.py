"""A resized copy of one split on disk: built once, complete or absent, rebuilt when its source changes."""

from pathlib import Path

from model_guidance.data.cache.building import built, remove_stale
from model_guidance.data.cache.fingerprint import content_key, identity_key
from model_guidance.data.cache.split import Split
from model_guidance.data.cache.writing import write_split
from model_guidance.data.resizing import Resizing
from model_guidance.data.source import Source


def cached(source: Source, size: int | str, folder: Path, title: str, mode: str = "stretch") -> Split:
    """Return `source` at a size from `folder`, after building it there if need be.

    `size` is the side of a square or WIDTHxHEIGHT, `mode` how images are brought there (`Resizing`).
    The copy is named after `title`. Several processes may ask at once, and none sees half of it. A copy
    whose files are missing or cut is built anew, and one of the same source from before its files changed
    is deleted, unless another process reads it. Raises `UserError` for a defective image or annotation, an
    unknown size or mode, and when the copy cannot be written.
    """
    resizing = Resizing.of(size, mode)
    of = str(resizing.name).replace(" ", "-")
    stem = f"{title.replace(' ', '-')}-{of}px-{identity_key(source, resizing.name, title)}"
    home = folder / f"{stem}-{content_key(source)}"

    def write(partial: Path) -> None:
        write_split(source, resizing, partial, title)
        remove_stale(folder, stem)

    return built(home, stem, write, Split.open)
