"""Names of classes, files and runs, made harmless for what shows them: a name is text, never a command."""

import re
from functools import cache
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
    **{sign: f"{{{sign}}}" for sign in "[*"},  # behind the end of a row they would belong to it
    **{sign: f"${{}}{command}{{}}$" for sign, command in {"±": r"\pm", "<": "<", ">": ">"}.items()},
    **{"Δ": r"$\Delta$", "λ": r"$\lambda$", "−": "$-$", "–": "--", "’": "'", "“": "``", "”": "''"},
}


def printable(text: str) -> str:
    r"""Return text that can be encoded and shown in one line: bytes that are no UTF-8 are shown as `\xff`."""
    return "".join(sign if sign.isprintable() else _code(ord(sign)) for sign in text)


def terminal(text: str) -> Text:
    """Return text for rich, in which brackets are brackets."""
    return Text(printable(text))


def drawable(text: str, families: tuple[str, ...] = (), weight: str | int = "normal") -> str:
    r"""Return text as a figure can show it: a sign that no font of `families` has becomes a code, `\u732b`.

    Without `families`, those that matplotlib's settings name. matplotlib itself would draw the same empty box
    for each of these signs.
    """
    from matplotlib import rcParams  # noqa: PLC0415  (names in a terminal need no figures)

    known = _signs(families or tuple(rcParams["font.family"]), weight)
    return "".join(sign if ord(sign) in known else _code(ord(sign)) for sign in printable(text))


@cache
def _signs(families: tuple[str, ...], weight: str | int) -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font  # noqa: PLC0415

    found = [findfont(FontProperties(family=[name], weight=weight)) for name in families]
    return frozenset(code for path in found for code in get_font(path).get_charmap())


def figure(figure: "Figure") -> None:
    """Make all text of a figure be drawn as it is: dollars are dollars; line breaks stay."""
    texts: list[Any] = figure.findobj(lambda artist: hasattr(artist, "set_parse_math"))
    for text in texts:
        text.set_parse_math(False)
        family, weight = tuple(text.get_fontfamily()), text.get_fontweight()
        lines = text.get_text().split("\n")
        text.set_text("\n".join(drawable(line, family, weight) for line in lines))


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
    return f"\\x{byte:02x}" if byte < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"
