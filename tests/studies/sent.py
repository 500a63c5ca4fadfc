"""What the tests of the executor let other processes do; importable by them."""

import os
import time
from pathlib import Path


def double(value: int) -> int:
    return 2 * value


def process_id() -> int:
    return os.getpid()


def fail(reason: str) -> None:
    raise ValueError(reason)


def die() -> None:
    os._exit(3)


def die_beside(neighbour: Path) -> None:
    """Die while the neighbour works, or after it."""
    _wait_for(neighbour)
    if neighbour.read_text() == "works":
        neighbour.unlink()
    os._exit(3)


def begin_and_wait(own: Path) -> None:
    """Say who does this, and go on for longer than any test takes."""
    own.write_text(str(os.getpid()))
    time.sleep(120)


def environment_beside(own: Path, others: list[Path]) -> tuple[str | None, int]:
    """Return the visible GPUs and the process, once the others have begun too: each in its own process."""
    own.touch()
    for other in others:
        _wait_for(other)
    return os.environ.get("CUDA_VISIBLE_DEVICES"), os.getpid()


def work_beside(own: Path) -> None:
    """Work until the one beside it has died, and for a moment longer."""
    own.write_text("works")
    while own.exists():
        time.sleep(0.02)
    time.sleep(1)
    own.write_text("done")


def _wait_for(file: Path) -> None:
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end, f"{file} never came"
        time.sleep(0.02)
