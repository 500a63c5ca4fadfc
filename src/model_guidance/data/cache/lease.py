"""Who uses a folder of the cache: nobody removes one that another process reads."""

import contextlib
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where a copy that is out of date stays
    fcntl = None  # type: ignore[assignment]

FILE = "meta.json"


class Lease:
    """A shared lock on a folder, held as long as this object exists; a process that dies lets go.

    Without locks in the operating system or on the disk, nothing is held.
    """

    def __init__(self, folder: Path) -> None:
        self.file: BinaryIO | None = None
        with contextlib.suppress(OSError):
            self.file = (folder / FILE).open("rb")
            if fcntl:
                fcntl.flock(self.file, fcntl.LOCK_SH)

    def __del__(self) -> None:
        if self.file:
            self.file.close()


def unused(folder: Path) -> bool:
    """Return whether nobody has a lease of the folder."""
    if fcntl is None:
        return False
    try:
        with (folder / FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
