"""A resized copy of one split on disk: built once, complete or absent, rebuilt when its source changes."""

from pathlib import Path

from model_guidance.data.cache.building import built, remove
from model_guidance.data.cache.fingerprint import content_key, identity_key
from model_guidance.data.cache.lease import unused
from model_guidance.data.cache.split import Split
from model_guidance.data.cache.writing import write_split
from model_guidance.data.source import Source


def cached(source: Source, size: int, folder: Path, title: str) -> Split:
    """Return `source` at `size` x `size` pixels from `folder`, after building it there if need be.

    The copy is named after `title`. Several processes may ask at once, and none sees half of it. A copy
    whose files are missing or cut is built anew, and one of the same source from before its files changed
    is deleted, unless another process reads it. Raises `UserError` for a defective image or annotation, and
    when the copy cannot be written.
    """
    stem = f"{title.replace(' ', '-')}-{size}px-{identity_key(source, size, title)}"
    home = folder / f"{stem}-{content_key(source)}"

    def write(partial: Path) -> None:
        write_split(source, size, partial, title)
        for stale in folder.glob(f"{stem}-*"):
            if unused(stale):
                remove(stale)

    return built(home, stem, write, Split.open)
