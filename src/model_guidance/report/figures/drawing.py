"""A figure and its files: PNG, PDF, and SVG, whose points say what they are."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.figure import Figure

from model_guidance.files import write
from model_guidance.report import escape

FORMATS = ("png", "pdf", "svg", "jpg")
BROAD = 6.0  # inches
SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True)
class Drawing:
    """A figure, the name of its files, what it shows, and the texts of its artists' points by gid."""

    name: str
    title: str
    figure: Figure
    tips: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def broad(self) -> bool:
        """Whether a page gives it its whole width."""
        return bool(self.figure.get_figwidth() > BROAD)

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
