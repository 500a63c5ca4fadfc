"""Names of classes, files and runs, made harmless for what shows them: a name is text, never a command."""

import re
from typing import TYPE_CHECKING, Any

from rich.text import Text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
IN_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"${{}}{command}{{}}$" for sign, command in {"±": r"\pm", "<": "<", ">": ">"}.items()},
    **{"Δ": r"$\Delta$", "λ": r"$\lambda$", "−": "$-$", "–": "--", "’": "'", "“": "``", "”": "''"},
}


def printable(text: str) -> str:
    r"""Return text that can be encoded and shown in one line: bytes that are no UTF-8 are shown as `\xff`."""
    return "".join(sign if sign.isprintable() else _code(ord(sign)) for sign in text)


def terminal(text: str) -> Text:
    """Return text for rich, in which brackets are brackets."""
    return Text(printable(text))


def figure(figure: "Figure") -> None:
    """Make all text of a figure be drawn as it is: dollars are dollars; line breaks stay."""
    texts: list[Any] = figure.findobj(lambda artist: hasattr(artist, "set_parse_math"))
    for text in texts:
        text.set_parse_math(False)
        text.set_text("\n".join(map(printable, text.get_text().split("\n"))))


def spreadsheet(text: str) -> str:
    """Return text for a CSV cell that no spreadsheet takes for a formula; numbers stay numbers."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(FORMULA) and not NUMBER.fullmatch(shown) else shown


def latex(text: str) -> str:
    """Return text for LaTeX, with the signs of our tables as commands."""
    return "".join(IN_LATEX.get(sign, sign) for sign in printable(text))


def markdown(text: str) -> str:
    """Return text for a cell of a Markdown table."""
    return re.sub(r"([\\|*`<>])", r"\\\1", printable(text))


def _code(number: int) -> str:
    byte = number - 0xDC00 if 0xDC80 <= number <= 0xDCFF else number  # a byte that could not be decoded
    return f"\\x{byte:02x}" if byte < 256 else f"\\u{number:04x}"
