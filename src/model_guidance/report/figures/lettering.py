"""Text as wide as it is drawn: measured, broken into lines, or cut."""

import textwrap
from collections.abc import Sequence
from functools import cache
from itertools import takewhile

from matplotlib import rcParams
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

POINTS = 72  # in an inch


def width(text: str, points: float, weight: str = "normal") -> float:
    """Return the width in inches of a line of text, in matplotlib's font at that size."""
    return _width(text, points, weight, tuple(rcParams["font.family"]))


@cache
def _width(text: str, points: float, weight: str, families: tuple[str, ...]) -> float:
    font = FontProperties(family=list(families), weight=weight, size=points)
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0]) / POINTS


def wrapped(text: str, inches: float, points: float) -> str:
    """Return text with line breaks between its words, so that no line is wider than `inches`.

    A word that is wider by itself is broken too.
    """
    for characters in range(len(text), 0, -1):
        lines = textwrap.wrap(text, characters)
        if all(width(line, points) <= inches for line in lines):
            return "\n".join(lines)
    return text


def cut(line: str, inches: float, points: float, weight: str = "normal") -> str:
    """Return a line without its middle, as far as it is wider than `inches`."""
    shown, left = line, len(line) - 1
    while left > 0 and width(shown, points, weight) > inches:
        left -= 1
        shown = f"{line[: left - left // 2]}…{line[len(line) - left // 2 :]}"
    return shown


def told_apart(names: Sequence[str], inches: float, points: float, weight: str = "normal") -> list[str]:
    """Return names that are no wider than `inches`; where one is, all lose the words they all begin with."""
    words = [name.split("-") for name in names]
    if len(names) > 1 and any(width(name, points, weight) > inches for name in names):
        own = zip(*(each[:-1] for each in words), strict=False)
        same = len(list(takewhile(lambda column: len(set(column)) == 1, own)))
        words = [each[same:] for each in words]
    return [cut("-".join(each), inches, points, weight) for each in words]
