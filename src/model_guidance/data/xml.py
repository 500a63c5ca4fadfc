"""XML of annotation tools."""

import re
from pathlib import Path
from xml.etree import ElementTree

from model_guidance.errors import UserError, quoted
from model_guidance.files import decoded, read_bytes


def read_xml(path: Path) -> ElementTree.Element:
    """Parse XML in the encoding that it declares, but without entities of its own: they may grow for ever.

    Raises `UserError` naming the file.
    """
    content = read_bytes(path)
    declared = re.match(rb"<\?xml[^>]*?encoding=[\"']([\w.:-]+)[\"']", content)
    try:
        text = content.decode(declared[1].decode()) if declared else decoded(content, path)
        if "<!ENTITY" in text:
            raise UserError(f"{path}: declares entities, but an annotation must be XML without them")
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise UserError(f"{path}: is not well-formed XML ({error})") from error


def number(text: str | None, what: str, where: object) -> float:
    """Return a number that `what` should be; else `UserError`."""
    try:
        return float(text or "")
    except ValueError:
        raise UserError(f"{where}: {what} is {quoted(text)}, but must be a number") from None
