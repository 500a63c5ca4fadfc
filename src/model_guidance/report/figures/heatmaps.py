"""Sheets of heat maps: a block per image, in it a column per model, and a legend below."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from model_guidance.report.escape import drawable
from model_guidance.report.figures.drawing import lay_out
from model_guidance.report.figures.lettering import cut, told_apart, wrapped
from model_guidance.report.figures.overlay import colour_bar, picture, scale, shown_size
from model_guidance.report.figures.style import INK

RIGHT, WRONG = "#00694d", "#b3261e"
CELL, GAP, EDGE = 2.0, 0.08, 0.14  # inches: a picture, between two, at the edge of the page
LINE, HEAD, NARROWEST = 0.135, 0.26, 4.6  # inches: a line of text, the names of the models, a page
TALLEST = 1.4  # of a picture, in widths
ACROSS, DOWN, LINES = 8, 8, 14  # pictures in a line; lines that one column of blocks may have, and a page
TEXT, HEADING = 7.5, 9.0  # points
ON_SCREEN = 110  # dots per inch in a notebook
ONE_SCALE = "Maps of one image share one scale."
OWN_SCALES = "Each map has its own scale: only within a map can strengths be compared."

Image = UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class Panel:
    """One raw signed map and the lines below it.

    `right` says whether the model decided rightly, None where nobody knows.
    """

    map: Float[np.ndarray, "height width"]
    caption: str
    right: bool | None = None


@dataclass(frozen=True)
class Row:
    """One image, its annotated region if it has one, and the maps of each model.

    `banned` says that the inside of the region must not be used. Maps and region cover the whole image, in a
    resolution and an aspect of their own. With `one_scale`, the strongest of the maps gets the full colour,
    else each of them: magnitudes of different attributions or networks say nothing about each other.
    """

    image: Image
    title: str
    region: Bool[np.ndarray, "rows columns"] | None
    panels: Sequence[Panel]
    one_scale: bool = False
    banned: bool = False

    @cached_property
    def pictures(self) -> list[Image]:
        """The image with its frame, and the same under each map."""
        maps = [panel.map for panel in self.panels]
        scales = [scale(maps)] * len(maps) if self.one_scale else [scale([each]) for each in maps]
        sets = zip(maps, repeat(self.region), scales)
        drawn = [picture(self.image, *each, banned=self.banned) for each in sets]
        return [picture(self.image, region=self.region, banned=self.banned), *drawn]

    def captions(self) -> list[str]:
        """Return what is written below each picture, no line longer than the picture is wide."""
        texts = (self.title, *(panel.caption for panel in self.panels))
        return ["\n".join(cut(drawable(line), CELL, TEXT) for line in text.split("\n")) for text in texts]

    def colours(self) -> list[str]:
        """Return a colour for each picture: whether the model decides rightly."""
        shown = {True: RIGHT, False: WRONG, None: INK}
        return [INK, *(shown[panel.right] for panel in self.panels)]


def heatmap_sheets(rows: Sequence[Row], columns: Sequence[str]) -> list[Figure]:
    """Draw the rows on as few pages as are readable; several columns of them where there are many.

    Red speaks for the class, blue against it, the frame is the annotated region.
    """
    blocks = min(math.ceil(len(rows) / DOWN), max(1, ACROSS // (1 + len(columns))))
    page = blocks * LINES
    return [_page(rows[at : at + page], columns, blocks) for at in range(0, len(rows), page)]


def legend_text(rows: Sequence[Row]) -> str:
    """Say what can be seen in these rows, but for the colours."""
    panels = [panel for row in rows for panel in row.panels]
    shared = all(row.one_scale for row in rows)
    parts = ["The stronger a colour, the more it counts.", ONE_SCALE if shared else OWN_SCALES]
    if any(row.region is not None and not row.banned for row in rows):
        parts.append("White frame: the annotated region.")
    if any(row.banned for row in rows):
        parts.append("Hatched: what must not be used.")
    if any(panel.right is not None for panel in panels):
        parts.append("✓ and green: the model decides rightly; ✗ and red: wrongly.")
    return " ".join(parts)


def _page(rows: Sequence[Row], columns: Sequence[str], blocks: int) -> Figure:
    """Place everything by hand, in inches: a layout engine takes minutes for a hundred pictures."""
    lines = [rows[at : at + blocks] for at in range(0, len(rows), blocks)]
    block = (1 + len(columns)) * (CELL + GAP) + 2 * GAP
    width = max(2 * EDGE + blocks * block, NARROWEST)
    bottom = EDGE + HEAD + sum(map(_height, lines))
    legend = wrapped(legend_text(rows), width - 4 * EDGE, TEXT).split("\n")
    sheet = _Sheet(width, bottom + (2 + len(legend)) * LINE + GAP)
    names = told_apart([drawable(name, weight="bold") for name in columns], CELL, HEADING, "bold")
    for at in range(min(blocks, len(rows))):
        sheet.headings(["image", *names], EDGE + at * block)
    top = EDGE + HEAD
    for line in lines:
        for at, row in enumerate(line):
            sheet.block(row, EDGE + at * block, top + max(_size(each.image)[1] for each in line))
        top += _height(line)
    sheet.legend(EDGE, bottom, legend)
    return sheet.figure


def _height(line: Sequence[Row]) -> float:
    """Return the height in inches of the highest picture of a line and of the longest text below one."""
    text = max(caption.count("\n") + 1 for row in line for caption in row.captions())
    return max(_size(row.image)[1] for row in line) + text * LINE + 2 * GAP


def _size(image: Image) -> tuple[float, float]:
    """Return width and height in inches of a picture that keeps its aspect in its cell."""
    wide, high = shown_size(image.shape[1], image.shape[0])
    width = min(CELL, TALLEST * CELL * wide / high)
    return width, width * high / wide


class DrawnFigure(Figure):
    """A figure that a notebook draws where it is a cell's value, whatever backend is in use."""

    def _repr_png_(self) -> bytes:
        lay_out(self)
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=ON_SCREEN)
        return buffer.getvalue()


class _Sheet:
    """A figure whose coordinates are inches from the upper left corner."""

    def __init__(self, width: float, height: float):
        self.figure = DrawnFigure(figsize=(width, height), dpi=150)
        self.axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        self.axes.set_axis_off()

    def text(self, text: str, left: float, top: float, **style: Any) -> None:
        """Write text whose upper edge is at `top`."""
        self.axes.text(left, top, text, **{"va": "top", "fontsize": TEXT, "color": INK, **style})

    def headings(self, names: Sequence[str], left: float) -> None:
        """Write the names of the columns of a block."""
        for column, name in enumerate(names):
            style = {"ha": "center", "fontsize": HEADING, "fontweight": "bold"}
            self.text(name, left + column * (CELL + GAP) + CELL / 2, EDGE, **style)

    def block(self, row: Row, left: float, floor: float) -> None:
        """Draw the pictures of one image side by side, standing on `floor`, with their captions below."""
        for pixels, text, colour in zip(row.pictures, row.captions(), row.colours(), strict=True):
            self.picture(pixels, left, floor, colour)
            self.text(text, left + CELL / 2, floor + GAP / 2, ha="center", color=colour)
            left += CELL + GAP

    def picture(self, pixels: Image, left: float, floor: float, colour: str) -> None:
        """Draw a picture in the middle of its cell, standing on `floor`, with a border."""
        width, height = _size(pixels)
        left += (CELL - width) / 2
        self._pixels(pixels, left, floor - height, width, height)
        line = 0.6 if colour == INK else 1.8
        border = Rectangle((left, floor - height), width, height, fill=False, ec=colour, lw=line)
        self.axes.add_patch(border)

    def legend(self, left: float, top: float, lines: Sequence[str]) -> None:
        """Draw the bar of colours, and below it say what the frames and borders are."""
        self.text("against the class", left, top)
        self._pixels(colour_bar(), left + 0.95, top, 1.2, LINE)
        self.text("for the class", left + 2.22, top)
        self.text("\n".join(lines), left, top + LINE + GAP)

    def _pixels(self, pixels: Image, left: float, top: float, width: float, height: float) -> None:
        extent = (left, left + width, top + height, top)
        drawn = AxesImage(self.axes, extent=extent, interpolation="antialiased")
        drawn.set_data(pixels)
        self.axes.add_artist(drawn)
