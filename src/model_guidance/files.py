"""Files, each replaced in one instant: a kill or a full disk leaves the previous one."""

import os
from contextlib import suppress
from pathlib import Path

from model_guidance.errors import UserError


def write(path: Path, content: bytes) -> None:
    """Write a file completely or not at all; raises `UserError` if that is impossible (a full disk)."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise UserError(
            f"{path}: could not be written ({error.strerror or error}); what was there before is unharmed"
        ) from error
