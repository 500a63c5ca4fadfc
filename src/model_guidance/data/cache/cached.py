"""A resized copy of one split on disk: built once, complete or absent, rebuilt when its source changes."""

import contextlib
import os
import shutil
from pathlib import Path

import filelock

from model_guidance.data.cache.fingerprint import content_key, identity_key
from model_guidance.data.cache.lease import unused
from model_guidance.data.cache.split import DamagedError, Split
from model_guidance.data.cache.writing import write_split
from model_guidance.data.source import Source
from model_guidance.errors import UserError

PARTIAL, REMOVED = ".partial", ".removed"


def cached(source: Source, size: int, folder: Path, title: str) -> Split:
    """Return `source` at `size` x `size` pixels from `folder`, after building it there if need be.

    The copy is named after `title`. It is built in a folder of its own that is renamed when it is complete
    and on disk, under a lock, so that several processes may ask at once and none sees half of it. A copy
    whose files are missing or cut is built anew, and one of the same source from before its files changed
    is deleted, unless another process reads it. Raises `UserError` for a defective image or annotation, and
    when the copy cannot be written.
    """
    stem = f"{title.replace(' ', '-')}-{size}px-{identity_key(source, size, title)}"
    home, lock = folder / f"{stem}-{content_key(source)}", folder / f"{stem}.lock"
    with contextlib.suppress(DamagedError):
        return Split.open(home)
    existed = os.path.lexists(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(lock):
            try:
                return _build(source, size, home, stem, title)
            except BaseException:
                _leave_nothing(lock, existed)
                raise
    except OSError as error:
        remedy = "free some space or choose another folder"
        raise UserError(f"--cache {folder}: cannot be written ({error.strerror}); {remedy}") from error


def _build(source: Source, size: int, home: Path, stem: str, title: str) -> Split:
    with contextlib.suppress(DamagedError):  # another process built it while this one waited for the lock
        return Split.open(home)
    partial = home.parent / f"{stem}{PARTIAL}"
    for left in (home, partial, *home.parent.glob(f"{stem}-*{REMOVED}")):
        _remove(left)
    partial.mkdir()
    try:
        write_split(source, size, partial, title)
        partial.rename(home)
    finally:
        _remove(partial)
    split = Split.open(home)
    for stale in home.parent.glob(f"{stem}-*"):
        if stale != home and unused(stale):
            _remove(stale)
    return split


def _leave_nothing(lock: Path, existed: bool) -> None:
    """After a failed build, remove the lock file, and the folder if it was made for this build."""
    with contextlib.suppress(OSError):
        lock.unlink()
        if not existed:
            lock.parent.rmdir()


def _remove(folder: Path) -> None:
    """Remove a folder that has its name no longer while its files go: who opens it sees all or nothing."""
    if folder.exists():
        going = folder if folder.suffix in (PARTIAL, REMOVED) else folder.with_name(folder.name + REMOVED)
        folder.rename(going)
        shutil.rmtree(going)
