"""Files: read in any encoding or named, replaced in one instant (a kill leaves the previous one)."""

import codecs
import os
import stat
from contextlib import suppress
from pathlib import Path

from model_guidance.errors import UserError

MARKS = {  # the longer ones first: UTF-32's mark begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_bytes(path: Path) -> bytes:
    """Read a file; raises `UserError` naming it when it is none (a folder, a pipe) or cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "a pipe or a device"
            raise UserError(f"{path}: is {kind}, but must be a file")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read ({reason})") from error


def read_text(path: Path) -> str:
    """Read a file of UTF-8, or of whatever its byte order mark says; else `UserError` naming the line."""
    return decoded(read_bytes(path), path)


def decoded(content: bytes, path: Path) -> str:
    """Return the text of a file's `content`; see `read_text`."""
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        shown = encoding.removesuffix("-sig").upper()
        raise UserError(
            f"{path} line {line}: byte 0x{content[error.start]:02x} is no {shown} text; save it as UTF-8"
        ) from error


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
