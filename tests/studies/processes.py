"""Processes of this machine, as /proc knows them."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="no /proc on this system")


def alive(process: int) -> bool:
    """Tell whether a process runs; one that is dead and only waits to be counted does not."""
    return _stat(process) is not None


def children(process: int) -> set[int]:
    """Return the processes that run and were started by this one."""
    every = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return {each for each in every if _stat(each) == process}


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Tell whether something becomes true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _stat(process: int) -> int | None:
    """Return the parent of a process that runs."""
    try:
        state, parent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else int(parent)
