"""Files: read, or named with what is wrong; replaced in one instant; an output's path checked early."""

import codecs
import errno
import json
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

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
    check_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error


def check_file(path: Path) -> None:
    """Raise `UserError` unless a file can be read: a folder cannot be, and a pipe is waited for."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
            raise UserError(f"{path}: is {kind}, but must be a file")
        path.open("rb").close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read ({reason})") from error


def is_there(path: Path) -> bool:
    """Tell whether there is a file or folder; no name is too long or too odd to be asked for.

    Raises `UserError` where the system does not let us know, as `is_file` and `is_folder` do.
    """
    return bool(_mode(path))


def is_file(path: Path) -> bool:
    """Tell whether there is a file, or a link to one."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder, or a link to one."""
    return stat.S_ISDIR(_mode(path))


def entries(folder: Path) -> list[Path]:
    """Return what lies in `folder`, sorted by name; `UserError` when it cannot be listed."""
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)  # paths compare slowly
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror or error})") from error


def common_folder(files: Sequence[Path]) -> Path:
    """Return the folder that holds all files; `Path()` where none does, or there are none."""
    try:
        return Path(os.path.commonpath([file.parent for file in files]))
    except ValueError:  # none, or on several drives
        return Path()


def _mode(path: Path) -> int:
    """Return what the system says of a path, 0 where nothing is."""
    try:
        return path.stat().st_mode
    except PermissionError as error:
        raise UserError(f"{path}: may not be read ({error.strerror})") from error
    except (OSError, ValueError):
        return 0


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


def read_json(path: Path) -> Any:
    """Return what a JSON file holds; raises `UserError` naming the file."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged, this is no JSON ({error})") from error


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_output(path: Path, option: str = "--out", suffixes: Collection[str] = ()) -> None:
    """Raise `UserError` unless a file can be written there; call it before the work, it changes nothing.

    `suffixes` are those that are understood, ".png" and so on; none: any.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        raise UserError(f"{option} {path}: the name must end in {', '.join(sorted(suffixes))}")
    check_output_folder(path.parent, option, path)
    if is_folder(path):
        raise UserError(f"{option} {path}: this is a folder, name a file")


def check_output_folder(folder: Path, option: str = "--out", named: Path | None = None) -> None:
    """Raise `UserError` unless `folder` is one that can be written to, or can be made; it changes nothing."""
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        raise UserError(f"{option} {named or folder}: {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{option} {named or folder}: {there} may not be written to")


def write(path: Path, content: bytes) -> None:
    """Write a file completely or not at all; raises `UserError` if that is impossible (a full disk).

    What is no ordinary file (a device, a pipe) is written to as it is, never replaced.
    """
    try:
        if _is_special(path):
            path.write_bytes(content)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, content)
    except OSError as error:
        raise UserError(
            f"{path}: could not be written ({error.strerror or error}); what was there before is unharmed"
        ) from error


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """Yield a text file that takes the place of `path` once it is complete; otherwise nothing has changed.

    What is no ordinary file is written to as it is. Raises `UserError` for a disk that is full.
    """
    special = _is_special(path)
    there = path if special else partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with there.open("w", encoding="utf-8", newline="") as file:
            yield file
        if not special:
            there.replace(path)
    except BaseException as error:
        if not special:
            there.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise UserError(f"{path}: could not be written ({error.strerror})") from error
        raise


def partial(path: Path) -> Path:
    """Return where the content of a file lies until it is complete."""
    return path.with_name(f".{path.name}.partial")


def _replace(path: Path, content: bytes) -> None:
    try:
        with partial(path).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial(path).replace(path)
    except BaseException:
        with suppress(OSError):
            partial(path).unlink()
        raise


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
