"""A folder of the cache that is complete or absent, whoever asks for it and whenever a process dies."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import filelock

from model_guidance.data.cache.lease import unused
from model_guidance.errors import UserError

T = TypeVar("T")
PARTIAL, REMOVED = ".partial", ".removed"


class DamagedError(Exception):
    """A folder of the cache is not what was written there."""


def built(home: Path, stem: str, write: Callable[[Path], None], opened: Callable[[Path], T]) -> T:
    """Return what `opened` makes of the folder `home`, after `write` has filled it if need be.

    `home` begins with `stem`, which names the lock under which it is built: in a folder of its own that is
    renamed when it is complete and on disk. One whose files are missing or cut (`DamagedError`) is built
    anew. Raises `UserError` when it cannot be written.
    """
    with contextlib.suppress(DamagedError):
        return opened(home)
    folder, lock = home.parent, home.parent / f"{stem}.lock"
    existed = os.path.lexists(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(lock):
            try:
                return _build(home, stem, write, opened)
            except BaseException:
                _leave_nothing(lock, existed)
                raise
    except OSError as error:
        remedy = "free some space or choose another folder"
        raise UserError(f"--cache {folder}: cannot be written ({error.strerror}); {remedy}") from error


def _build(home: Path, stem: str, write: Callable[[Path], None], opened: Callable[[Path], T]) -> T:
    with contextlib.suppress(DamagedError):  # another process built it while this one waited for the lock
        return opened(home)
    partial = home.parent / f"{stem}{PARTIAL}"
    for left in (home, partial, *home.parent.glob(f"{stem}-*{REMOVED}")):
        remove(left)
    partial.mkdir()
    try:
        write(partial)
        partial.rename(home)
    finally:
        remove(partial)
    return opened(home)


def _leave_nothing(lock: Path, existed: bool) -> None:
    """After a failed build, remove the lock file, and the folder if it was made for this build."""
    with contextlib.suppress(OSError):
        lock.unlink()
        if not existed:
            lock.parent.rmdir()


def remove(folder: Path) -> None:
    """Remove a folder that has its name no longer while its files go: who opens it sees all or nothing."""
    if folder.exists():
        going = folder if folder.suffix in (PARTIAL, REMOVED) else folder.with_name(folder.name + REMOVED)
        folder.rename(going)
        shutil.rmtree(going)


def remove_stale(folder: Path, stem: str) -> None:
    """Remove the copies in `folder` whose names begin with `stem`, but none that another process reads."""
    for stale in folder.glob(f"{stem}-*"):
        if unused(stale):
            remove(stale)
