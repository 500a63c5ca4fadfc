"""What a cached copy depends on, as two short hashes."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from model_guidance.data.source import Source

FORMAT = 3


def identity_key(source: Source, size: int | str, title: str) -> str:
    """Hash what the copy is of: the format, the size, the options, the classes, and where the data lie."""
    home = str(source.root.resolve()) if source.root else ""
    return _hash(repr((FORMAT, title, size, source.version, source.classes, home)))


def content_key(source: Source) -> str:
    """Hash the images' names, and the name, size and time of every file that the source is read from.

    Names are relative to the source's root, so that another spelling of it is the same. Of a folder, all
    files count whose name does not begin with a dot.
    """
    files = sorted(entry for path in source.files for entry in _stamps(path, source.root, set()))
    return _hash(repr((list(source.names), files)))


def regions_key(path: Path, files: Sequence[Path]) -> tuple[str, str]:
    """Hash which file of annotations it is, and the name, size and time of all that it is read from."""
    stamps = sorted(entry for each in files for entry in _stamps(each, path.parent, set()))
    return _hash(repr((FORMAT, str(path.resolve())))), _hash(repr(stamps))


def _stamps(path: Path, root: Path | None, above: set[tuple[int, int]]) -> Iterator[tuple[str, int, int]]:
    """Yield (name, bytes, time of change in ns); what is not there has neither."""
    name = os.path.relpath(path, root) if root else str(path.resolve())
    try:
        found = path.stat()
    except OSError:
        yield name, -1, -1
        return
    identity = (found.st_dev, found.st_ino)
    if not stat.S_ISDIR(found.st_mode):
        yield name, found.st_size, found.st_mtime_ns
    elif identity not in above:  # a link to a folder further up
        for entry in path.iterdir():
            if not entry.name.startswith("."):
                yield from _stamps(entry, root, above | {identity})


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
