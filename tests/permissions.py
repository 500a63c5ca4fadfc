"""Permissions count for root as well, so that a test of them shows the same to everybody."""

import ctypes
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

VERSION = 0x20080522  # of the system call, in linux/capability.h
PASS_OVER = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: permissions are not asked for
T = TypeVar("T")


def unprivileged(call: Callable[[], T]) -> T:
    """Return what `call` returns in a thread that has given up what lets root read and write anything."""
    if not sys.platform.startswith("linux"):
        pytest.skip("how root gives up a privilege is known for Linux only")
    with ThreadPoolExecutor(1, initializer=_give_up) as thread:
        return thread.submit(call).result()


def _give_up() -> None:
    system = ctypes.CDLL(None)
    header, sets = (ctypes.c_uint32 * 2)(VERSION, 0), (ctypes.c_uint32 * 6)()
    assert system.capget(header, sets) == 0
    sets[0] &= ~PASS_OVER  # in effect
    sets[1] &= ~PASS_OVER  # permitted
    assert system.capset(header, sets) == 0
