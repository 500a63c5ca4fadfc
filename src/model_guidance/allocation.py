"""How memory is kept: glibc gives every large freed tensor back to the system, and soon asks for it again."""

import ctypes
import os
import platform

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # the names of glibc's malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
LARGEST = 32 * 2**20  # bytes: more than this glibc does not take


def keep_freed_memory() -> bool:
    """Let this process keep freed tensors of up to 32 MB for the next ones; return whether it does.

    The system clears each page of a tensor that is touched for the first time, which on a CPU can be a fifth
    of a training step (`benchmarks/allocation.py`). The command line calls this by itself; in a program of
    your own, call it before the first step. What the user has set (`MALLOC_...`, `GLIBC_TUNABLES`) stays,
    and other C libraries are left alone: False is returned.
    """
    chosen = [name for name in os.environ if name.startswith(("MALLOC_", "GLIBC_TUNABLES"))]
    if chosen or platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(MMAP_THRESHOLD, LARGEST) and libc.mallopt(TRIM_THRESHOLD, 2**31 - 1))
