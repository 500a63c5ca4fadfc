"""Pascal VOC's XML, one file for each image, with any classes."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from model_guidance.data.formats.annotated_file import Annotated, AnnotatedFile
from model_guidance.data.marks import Mark, Size, box
from model_guidance.data.xml import number, read_xml
from model_guidance.errors import UserError, shortened
from model_guidance.files import entries, is_folder

EDGES = ("xmin", "ymin", "xmax", "ymax")


class Voc(AnnotatedFile):
    """The file beside an image, or in a folder of its own, is called like the image.

    Edges are 1-based and inclusive, as in the original; tools that count from 0 are off by one pixel.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        found = entries(path) if is_folder(path) else [path]
        self.files = tuple(file for file in found if file.suffix.lower() == ".xml")
        self.images = [file.stem for file in self.files]

    def read(self, index: int) -> Annotated:
        """Return the objects' boxes."""
        file = self.files[index]
        tree = read_xml(file)
        marks = [_object(node, file, place) for place, node in enumerate(tree.findall("object"), start=1)]
        return Annotated(str(file), marks, _size(tree.find("size"), file))


def _size(node: ElementTree.Element | None, file: Path) -> Size | None:
    if node is None:
        return None
    width, height = (number(node.findtext(each), f"<{each}>", file) for each in ("width", "height"))
    if not np.isfinite([width, height]).all():
        raise UserError(f"{file}: <size> is {width:g} x {height:g}, but must be that of the image in pixels")
    return (int(width), int(height)) if width and height else None  # some tools write 0


def _object(node: ElementTree.Element, file: Path, place: int) -> Mark:
    name = (node.findtext("name") or "").strip()
    where = f"{file}, object {place} ({shortened(name)})"
    if not name:
        raise UserError(f"{file}, object {place}: has no <name>, which is its class")
    return box(where, name, voc_edges(node, where))


def voc_edges(node: ElementTree.Element, where: str) -> tuple[float, float, float, float]:
    """Return the pixel edges x1, y1, x2, y2 of an object; those of the file are 1-based and inclusive."""

    def edges() -> Iterator[float]:
        for edge in EDGES:
            yield number(node.findtext(f"bndbox/{edge}"), f"<bndbox/{edge}>", where)

    xmin, ymin, xmax, ymax = edges()
    return xmin - 1, ymin - 1, xmax, ymax
