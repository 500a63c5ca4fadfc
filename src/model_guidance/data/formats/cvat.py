"""CVAT's XML, "CVAT for images 1.1": boxes, polygons, ellipses, masks, points, tags."""

from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Bool

from model_guidance.data.formats.annotated_file import Annotated, AnnotatedFile
from model_guidance.data.marks import Mark, Remarks, Size, box, mask, points, polygon
from model_guidance.data.outlines import ellipse, rectangle
from model_guidance.data.xml import number, read_xml
from model_guidance.errors import UserError, quoted


class Cvat(AnnotatedFile):
    """One file for all images of a task or project."""

    def __init__(self, path: Path) -> None:
        self.path, self.files = path, (path,)
        tree = read_xml(path)
        if tree.find("track") is not None:
            raise UserError(f'{path}: has tracks of a video; export it as "CVAT for images 1.1"')
        self._images = tree.findall("image")
        self.images = [node.get("name", "") for node in self._images]
        named = (label.findtext("name") for label in tree.iterfind("meta//label"))
        self.classes = tuple(dict.fromkeys(name for name in named if name))

    def read(self, index: int) -> Annotated:
        """Return the shapes of one image, in their order; lines, cuboids and skeletons are refused."""
        node = self._images[index]
        where = f"{self.path}, image {quoted(self.images[index])}"
        width, height = _numbers(node, ("width", "height"), where)
        shapes = [each for each in node if each.tag != "tag"]
        marks = [_mark(each, f"{where}, {each.tag} {place}") for place, each in enumerate(shapes, start=1)]
        tags = [each.get("label", "") for each in node if each.tag == "tag"]
        return Annotated(where, marks, (int(width), int(height)), tags)


def _mark(node: ElementTree.Element, where: str) -> Mark:
    if node.tag not in SHAPES:
        raise UserError(f"{where}: is no region; there may be {', '.join(SHAPES)} and tag")
    label = node.get("label", "").strip()
    if not label:
        raise UserError(f"{where}: has no label, which is its class")
    return SHAPES[node.tag](node, where, label)


def _numbers(node: ElementTree.Element, names: Sequence[str], where: str) -> list[float]:
    found = [number(node.get(name), name, where) for name in names]
    if not np.isfinite(found).all():
        raise UserError(f"{where}: {', '.join(names)} are {quoted(found)}, but must be finite numbers")
    return found


def _angle(node: ElementTree.Element, where: str) -> float:
    angle = number(node.get("rotation", "0"), "rotation", where)
    if not np.isfinite(angle):
        raise UserError(f"{where}: rotation is {angle}, but must be a number of degrees")
    return angle


def _box(node: ElementTree.Element, where: str, label: str) -> Mark:
    edges = _numbers(node, ("xtl", "ytl", "xbr", "ybr"), where)
    angle = _angle(node, where)
    if not angle:
        return box(where, label, edges)
    middle = ((edges[0] + edges[2]) / 2, (edges[1] + edges[3]) / 2)
    return polygon(where, label, rectangle(edges, angle, middle))


def _places(node: ElementTree.Element, where: str) -> list[float]:
    pairs = [pair.split(",") for pair in node.get("points", "").split(";")]
    if not all(len(pair) == 2 for pair in pairs):
        raise UserError(f"{where}: points is {quoted(node.get('points'))}, but must be x,y;x,y;...")
    return [number(value, "a coordinate", where) for pair in pairs for value in pair]


def _polygon(node: ElementTree.Element, where: str, label: str) -> Mark:
    return polygon(where, label, _places(node, where))


def _ellipse(node: ElementTree.Element, where: str, label: str) -> Mark:
    x, y, across, down = _numbers(node, ("cx", "cy", "rx", "ry"), where)
    angle = _angle(node, where)
    return polygon(where, label, ellipse((x, y), (across, down), angle))


def _points(node: ElementTree.Element, where: str, label: str) -> Mark:
    return points(where, label, _places(node, where))


def _run_lengths(node: ElementTree.Element, where: str, label: str) -> Mark:
    left, top, width, height = map(int, _numbers(node, ("left", "top", "width", "height"), where))
    runs = [number(each, "a run", where) for each in node.get("rle", "").split(",")]

    def drawn(size: Size) -> tuple[Bool[np.ndarray, "height width"], Remarks]:
        fits = 0 <= left <= left + width <= size[0] and 0 <= top <= top + height <= size[1]
        if not fits or min(runs) < 0 or sum(runs) != width * height:
            raise UserError(f"{where}: its runs must fill its frame, and that must lie in the image")
        found = np.zeros(size[::-1], bool)
        inside = np.repeat(np.arange(len(runs)) % 2 == 1, np.array(runs, int))  # row by row, outside first
        found[top : top + height, left : left + width] = inside.reshape(height, width)
        return found, ()

    return mask(where, label, drawn)


SHAPES: dict[str, Callable[[ElementTree.Element, str, str], Mark]] = {
    "box": _box,
    "polygon": _polygon,
    "ellipse": _ellipse,
    "mask": _run_lengths,
    "points": _points,
}
