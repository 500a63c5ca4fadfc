"""Label Studio's JSON: rectangles, polygons, ellipses, brush strokes and key points."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated as Checked
from typing import Any
from urllib.parse import unquote

import msgspec

from model_guidance.data.formats.annotated_file import Annotated, AnnotatedFile
from model_guidance.data.formats.brush import brush_mask
from model_guidance.data.formats.coco_json import decode
from model_guidance.data.marks import Mark, Size, box, in_pixels, mask, outline, points, polygon
from model_guidance.data.outlines import ellipse, rectangle
from model_guidance.errors import UserError, quoted
from model_guidance.files import read_bytes

PERCENT = 100.0
LARGEST = 1e9  # of a number in percent; NaN is none, either
Pixels = Checked[int, msgspec.Meta(ge=1, le=2**31)]
CHOICES = "choices"
NOTES = {"textarea", "rating", "number", "taxonomy", "relation", "pairwise", "datetime"}  # of no place
FORM = 'the form of a Label Studio export; choose "JSON", not "JSON-MIN"'
UPLOADED = re.compile(r"^(.*/data/upload/.*/)[0-9a-f]{8}-")  # Label Studio puts a hash before the name


class _Result(msgspec.Struct, gc=False):
    type: str
    value: dict[str, Any] = {}
    id: str | int = ""
    original_width: Pixels | None = None
    original_height: Pixels | None = None
    image_rotation: float = 0


class _Annotation(msgspec.Struct, gc=False):
    result: list[_Result]
    was_cancelled: bool = False


class _Task(msgspec.Struct, gc=False):
    data: dict[str, Any]
    annotations: list[_Annotation]
    id: int | str = ""


_DECODER = msgspec.json.Decoder(list[_Task])


class LabelStudio(AnnotatedFile):
    """An export in the full form ("JSON"); predictions and skipped tasks do not count.

    Numbers are in percent of the image's width and height. A box is turned about its corner x, y, an ellipse
    about its centre, clockwise, and in pixels: an image need not be a square.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.files = path, (path,)
        self._tasks = decode(_DECODER, read_bytes(path), str(path), FORM)[0]
        self.images = [_image(task, self._where(task)) for task in self._tasks]
        notes = Counter(each.type for task in self._tasks for each in _results(task) if each.type in NOTES)
        if notes:
            shown = ", ".join(f"{count} of type {name}" for name, count in notes.items())
            self.remarks = (f"{path}: what marks no place was left out: {shown}",)

    def read(self, index: int) -> Annotated:
        """Return the regions of one task, of all its annotators, and the choices made for it."""
        task = self._tasks[index]
        where = f"{self._where(task)} ({self.images[index]})"
        results = [each for each in _results(task) if each.type not in NOTES]
        regions = [each for each in results if each.type != CHOICES]
        marks = [_mark(each, f"{where}, region {each.id or place}") for place, each in enumerate(regions, 1)]
        chosen = [name for each in results if each.type == CHOICES for name in _choices(each, where)]
        size = next(((w, h) for w, h in map(_size, regions) if w and h), None)
        return Annotated(where, marks, size, chosen)

    def _where(self, task: _Task) -> str:
        return f"{self.path}, task {task.id}"


def _results(task: _Task) -> list[_Result]:
    return [result for each in task.annotations if not each.was_cancelled for result in each.result]


def _choices(result: _Result, where: str) -> list[str]:
    found = result.value.get(CHOICES, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise UserError(f"{where}: {CHOICES} are {quoted(found)}, but must be names of classes")
    return found


def _size(result: _Result) -> tuple[int | None, int | None]:
    return result.original_width, result.original_height


def _image(task: _Task, where: str) -> str:
    """Return the image's name: the last part of its address that names a file."""
    found = [value for value in task.data.values() if isinstance(value, str) and "." in value]
    named = task.data.get("image", found[0] if found else None)
    if not isinstance(named, str) or not named:
        raise UserError(f'{where}: its data name no image, but must: {{"image": "..."}}')
    local = unquote(named.partition("?d=")[2])  # a file served by Label Studio
    path = named.partition("?")[0]
    path = local or (unquote(path) if "://" in path else path)
    return UPLOADED.sub(r"\1", path.rpartition("://")[2])


def _mark(result: _Result, where: str) -> Mark:
    if result.type not in SHAPES:
        raise UserError(f"{where}: is of type {quoted(result.type)}; there may be {', '.join(SHAPES)}")
    if result.image_rotation % 360:
        raise UserError(f"{where}: was drawn on the image turned by {result.image_rotation:g} degrees, not 0")
    labels = result.value.get(result.type)
    label = labels[0] if isinstance(labels, list) and labels else ""
    if not isinstance(label, str) or not label:
        raise UserError(f"{where}: {result.type} is {quoted(labels)}, but must be the name of a class")
    return SHAPES[result.type](result.value, where, label)


def _numbers(value: dict[str, Any], names: Sequence[str], where: str) -> list[float]:
    found = [value.get(name) for name in names]
    if not all(isinstance(each, int | float) and abs(each) < LARGEST for each in found):
        raise UserError(f"{where}: {', '.join(names)} are {quoted(found)}, but must be numbers, in percent")
    return [float(each) for each in found if each is not None]


def _rectangle(value: dict[str, Any], where: str, label: str) -> Mark:
    x, y, width, height = _numbers(value, ("x", "y", "width", "height"), where)
    edges = (x, y, x + width, y + height)
    (angle,) = _numbers({"rotation": 0, **value}, ("rotation",), where)
    if not angle:
        return box(where, label, edges, PERCENT)

    def corners(size: Size) -> list[float]:
        x1, y1, x2, y2 = in_pixels(edges, size, PERCENT)
        return rectangle((x1, y1, x2, y2), angle, (x1, y1))

    return outline(where, label, corners)


def _polygon(value: dict[str, Any], where: str, label: str) -> Mark:
    points = value.get("points")
    if not isinstance(points, list) or not all(isinstance(each, list) and len(each) == 2 for each in points):
        raise UserError(f"{where}: points are {quoted(points)}, but must be pairs of numbers, in percent")
    corners = {str(place): each for place, each in enumerate(chain.from_iterable(points))}
    return polygon(where, label, _numbers(corners, list(corners), where), PERCENT)


def _ellipse(value: dict[str, Any], where: str, label: str) -> Mark:
    numbers = _numbers(value, ("x", "y", "radiusX", "radiusY"), where)
    (angle,) = _numbers({"rotation": 0, **value}, ("rotation",), where)

    def corners(size: Size) -> list[float]:
        x, y, across, down = in_pixels(numbers, size, PERCENT)
        return ellipse((x, y), (across, down), angle)

    return outline(where, label, corners)


def _point(value: dict[str, Any], where: str, label: str) -> Mark:
    return points(where, label, _numbers(value, ("x", "y"), where), unit=PERCENT)


def _brush(value: dict[str, Any], where: str, label: str) -> Mark:
    return mask(where, label, lambda size: (brush_mask(value.get("rle"), size, where), ()))


SHAPES: dict[str, Callable[[dict[str, Any], str, str], Mark]] = {
    "rectanglelabels": _rectangle,
    "polygonlabels": _polygon,
    "ellipselabels": _ellipse,
    "keypointlabels": _point,
    "brushlabels": _brush,
}
