"""One look for all figures; each is written as PNG and as SVG, whose points say what they are."""

import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_guidance.files import write
from model_guidance.report import escape

# Okabe and Ito's colours, which people with any colour vision tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINE = 0.18  # height of a line of the legend, in inches
LONG = 30  # characters of a label that still leave room for another one beside it
FORMATS = ("png", "pdf", "svg", "jpg")
INK, PALE = "#1d2433", "#8a90a0"
SVG = "http://www.w3.org/2000/svg"
SPARSE: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 9.0, "axes.edgecolor": PALE}

Styles = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Drawing:
    """A figure, the name of its files, what it shows, and the texts of its artists' points by gid."""

    name: str
    title: str
    figure: Figure
    tips: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def svg(self) -> str:
        """The figure as SVG that may stand in a page with others, with a `<title>` on each point."""
        lay_out(self.figure)
        buffer = io.BytesIO()
        with mpl.rc_context({"svg.hashsalt": self.name}):
            self.figure.savefig(buffer, format="svg", metadata={"Date": None})
        root = ElementTree.fromstring(buffer.getvalue())
        for metadata in root.findall(f"{{{SVG}}}metadata"):
            root.remove(metadata)
        root.set("role", "img")
        root.set("aria-label", self.title)
        for gid, texts in self.tips.items():
            _tip(root, gid, texts)
        ElementTree.register_namespace("", SVG)
        ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
        return _apart(ElementTree.tostring(root, encoding="unicode"), self.name)

    def write(self, folder: Path) -> None:
        """Write NAME.png, NAME.pdf and NAME.svg; raises `UserError` if that is impossible."""
        for suffix in ("png", "pdf"):
            write(folder / f"{self.name}.{suffix}", encoded(self.figure, suffix))
        write(folder / f"{self.name}.svg", self.svg.encode())


def canvas(rows: int = 1, size: tuple[float, float] = (4.6, 3.0)) -> tuple[Figure, list[Axes]]:
    """Return a figure of `rows` axes, one below the other, that share the horizontal axis."""
    with mpl.rc_context(SPARSE):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    for each in axes:
        each.grid(color="#e6e6e1", linewidth=0.6)
        each.set_axisbelow(True)
        each.locator_params(nbins=6)
    return figure, list(axes)


def legend(figure: Figure) -> None:
    """Put one legend of all artists below the figure, which grows by it; long labels get one column."""
    labels = [label for axes in figure.axes for label in axes.get_legend_handles_labels()[1]]
    columns = 1 if max(map(len, labels), default=0) > LONG else 2
    figure.set_figheight(figure.get_figheight() + LINE * math.ceil(len(labels) / columns))
    figure.legend(loc="outside lower center", ncols=columns, frameon=False, fontsize=8)


def styles(configurations: Iterable[str]) -> Styles:
    """Return a colour and a marker for each configuration; no two get the same pair."""
    return {
        name: {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[(i + i // len(COLOURS)) % len(MARKERS)]}
        for i, name in enumerate(dict.fromkeys(configurations))
    }


def encoded(figure: Figure, suffix: str) -> bytes:
    """Return the figure as a file of a format, one of `FORMATS`."""
    lay_out(figure)
    buffer = io.BytesIO()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with mpl.rc_context({"svg.hashsalt": "model-guidance"}):
        figure.savefig(buffer, format=suffix, dpi=max(figure.dpi, 120), metadata=undated.get(suffix))
    return buffer.getvalue()


def lay_out(figure: Figure) -> None:
    """Place everything once: the layout engine is slow, and would work again for each file."""
    escape.figure(figure)
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine("none")


def _tip(root: ElementTree.Element, gid: str, texts: Sequence[str]) -> None:
    for group in root.iterfind(f".//{{{SVG}}}g[@id='{gid}']"):
        points = list(group.iter(f"{{{SVG}}}use"))
        targets = points if len(points) == len(texts) else [group]
        for target, text in zip(targets, texts, strict=False):
            ElementTree.SubElement(target, f"{{{SVG}}}title").text = text


def _apart(svg: str, name: str) -> str:
    """Make the ids of a drawing its own: a page's ids are one name space."""
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
