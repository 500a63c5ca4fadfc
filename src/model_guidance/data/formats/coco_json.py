"""JSON as COCO's tools write it: perhaps with a byte order mark, perhaps with NaN where nobody looks."""

import re
from typing import TypeVar

import msgspec

from model_guidance.errors import UserError, shortened

T = TypeVar("T")
_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b')
_NO_NUMBER = {b"NaN": b'"N"', b"Infinity": b'"Infini"', b"-Infinity": b'"-Infini"'}


def decode(
    decoder: "msgspec.json.Decoder[T]", data: bytes, where: str, form: str = "COCO's format"
) -> tuple[T, bytes]:
    """Decode JSON, and return it with the bytes that were decoded, of the same length as `data`.

    NaN and Infinity, which JSON does not have, are accepted in fields that are not read.

    Raises `UserError`, which begins with `where`, for what is no JSON or not in this `form`.
    """
    try:
        return _decode(decoder, data, where, form), data
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        tamed = _NUMBER.sub(_tame, data)
        failed = UserError(f"{where}: is not valid JSON{_near(data, str(error))} ({error})")
        if tamed == data:
            raise failed from error
    try:
        return _decode(decoder, tamed, where, form), tamed
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise failed from None


def _decode(decoder: "msgspec.json.Decoder[T]", data: bytes, where: str, form: str) -> T:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        found = any(text in data for text in _NO_NUMBER.values())
        hint = "; NaN and Infinity are no numbers" if found else ""
        raise UserError(f"{where}: is not in {form} ({error}{hint})") from error
    except RecursionError as error:
        raise UserError(f"{where}: is nested too deeply to be read") from error


def _tame(found: re.Match[bytes]) -> bytes:
    """Put a text of the same length for a number that is none, so that places in the file stay right."""
    return _NO_NUMBER.get(found[0], found[0])


def identity(text: bytes) -> str | None:
    """Return the first "id" in a piece of JSON that may be damaged."""
    found = re.search(rb'"id"\s*:\s*([^,}\s]+)', text)
    return shortened(found[1].decode(errors="replace")) if found else None


def _near(data: bytes, error: str) -> str:
    found = re.search(r"\(byte (\d+)\)", error)
    position = int(found[1]) if found else len(data)
    entry = identity(data[max(data.rfind(b"{", 0, position), 0) : data.find(b"}", position)])
    return f" in or after the entry with id {entry}" if entry else ""
