"""What a cached copy depends on, as two short hashes."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from model_guidance.data.source import Source

FORMAT = 1


def identity_key(source: Source, size: int, title: str) -> str:
    """Hash what the copy is of: the format, the size, the options, the classes, and where the files lie."""
    places = [str(path.resolve()) for path in source.files]
    return _hash(repr((FORMAT, title, size, source.version, source.classes, places)))


def content_key(source: Source) -> str:
    """Hash the name, size and time of every file that the source was read from."""
    files = sorted(entry for path in source.files for entry in _files(path))
    return _hash(repr(files))


def _files(path: Path) -> Iterator[tuple[str, int, int]]:
    """Yield (path, bytes, time of change in ns); a missing file is the reader's to report."""
    if path.is_dir():
        with os.scandir(path) as entries:
            for entry in entries:
                yield from _files(Path(entry)) if entry.is_dir() else [_stamp(entry.path, entry.stat())]
    elif path.exists():
        yield _stamp(str(path), path.stat())


def _stamp(name: str, stat: os.stat_result) -> tuple[str, int, int]:
    return name, stat.st_size, stat.st_mtime_ns


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
