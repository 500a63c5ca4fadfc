"""Label Studio's JSON: rectangles, polygons, ellipses and key points in percent of the image."""

import re
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated as Checked
from typing import Any
from urllib.parse import unquote

import msgspec
import numpy as np

from model_guidance.data.formats.annotated_file import Annotated, AnnotatedFile
from model_guidance.data.formats.coco_json import decode
from model_guidance.data.marks import Mark, box, point, polygon
from model_guidance.data.outlines import ellipse, rectangle
from model_guidance.errors import UserError, quoted
from model_guidance.files import read_bytes

PERCENT = 100.0
Pixels = Checked[int, msgspec.Meta(ge=1, le=2**31)]
UPLOADED = re.compile(r"^(.*/data/upload/.*/)[0-9a-f]{8}-")  # Label Studio puts a hash before the name


class _Result(msgspec.Struct, gc=False):
    type: str
    value: dict[str, Any]
    id: str | int = ""
    original_width: Pixels | None = None
    original_height: Pixels | None = None


class _Annotation(msgspec.Struct, gc=False):
    result: list[_Result]
    was_cancelled: bool = False


class _Task(msgspec.Struct, gc=False):
    data: dict[str, Any]
    annotations: list[_Annotation]
    id: int | str = ""


_DECODER = msgspec.json.Decoder(list[_Task])


class LabelStudio(AnnotatedFile):
    """An export in the full form ("JSON"); predictions and skipped tasks do not count."""

    def __init__(self, path: Path) -> None:
        self.path, self.files = path, (path,)
        self._tasks = decode(_DECODER, read_bytes(path), str(path), "the form of a Label Studio export")[0]
        self.images = [_image(task, self._where(task)) for task in self._tasks]

    def read(self, index: int) -> Annotated:
        """Return the regions of one task, of all its annotators, and the choices made for it."""
        task = self._tasks[index]
        where = f"{self._where(task)} ({self.images[index]})"
        kept = [each for each in task.annotations if not each.was_cancelled]
        results = [result for each in kept for result in each.result]
        regions = [each for each in results if each.type != "choices"]
        marks = [_mark(each, f"{where}, region {each.id or place}") for place, each in enumerate(regions, 1)]
        chosen = [
            name for each in results if each.type == "choices" for name in each.value.get("choices", ())
        ]
        size = next(((w, h) for w, h in map(_size, regions) if w and h), None)
        return Annotated(where, marks, size, chosen)

    def _where(self, task: _Task) -> str:
        return f"{self.path}, task {task.id}"


def _size(result: _Result) -> tuple[int | None, int | None]:
    return result.original_width, result.original_height


def _image(task: _Task, where: str) -> str:
    """Return the image's name: the last part of its address that names a file."""
    found = [value for value in task.data.values() if isinstance(value, str) and "." in value]
    named = task.data.get("image", found[0] if found else None)
    if not isinstance(named, str) or not named:
        raise UserError(f'{where}: its data name no image, but must: {{"image": "..."}}')
    local = unquote(named.partition("?d=")[2])  # a file served by Label Studio
    path = local or named.partition("?")[0]
    return UPLOADED.sub(r"\1", path.rpartition("://")[2])


def _mark(result: _Result, where: str) -> Mark:
    if result.type not in SHAPES:
        raise UserError(f"{where}: is of type {result.type}; there may be {', '.join(SHAPES)} and choices")
    labels = result.value.get(result.type)
    label = labels[0] if isinstance(labels, list) and labels else ""
    if not isinstance(label, str) or not label:
        raise UserError(f"{where}: {result.type} is {quoted(labels)}, but must be the name of a class")
    return SHAPES[result.type](result.value, where, label)


def _numbers(value: dict[str, Any], names: Sequence[str], where: str) -> list[float]:
    found = [value.get(name) for name in names]
    if not all(isinstance(each, int | float) and np.isfinite(each) for each in found):
        raise UserError(f"{where}: {', '.join(names)} are {quoted(found)}, but must be numbers, in percent")
    return [float(each) for each in found if each is not None]


def _rectangle(value: dict[str, Any], where: str, label: str) -> Mark:
    x, y, width, height = _numbers(value, ("x", "y", "width", "height"), where)
    edges = (x, y, x + width, y + height)
    (angle,) = _numbers({"rotation": 0, **value}, ("rotation",), where)
    if not angle:
        return box(where, label, edges, PERCENT)
    return polygon(where, label, rectangle(edges, angle, (x, y)), PERCENT)


def _polygon(value: dict[str, Any], where: str, label: str) -> Mark:
    points = value.get("points")
    if not isinstance(points, list) or not all(isinstance(each, list) and len(each) == 2 for each in points):
        raise UserError(f"{where}: points are {quoted(points)}, but must be pairs of numbers, in percent")
    corners = {str(place): each for place, each in enumerate(chain.from_iterable(points))}
    return polygon(where, label, _numbers(corners, list(corners), where), PERCENT)


def _ellipse(value: dict[str, Any], where: str, label: str) -> Mark:
    x, y, across, down = _numbers(value, ("x", "y", "radiusX", "radiusY"), where)
    (angle,) = _numbers({"rotation": 0, **value}, ("rotation",), where)
    return polygon(where, label, ellipse((x, y), (across, down), angle), PERCENT)


def _point(value: dict[str, Any], where: str, label: str) -> Mark:
    return point(where, label, _numbers(value, ("x", "y"), where), unit=PERCENT)


SHAPES: dict[str, Callable[[dict[str, Any], str, str], Mark]] = {
    "rectanglelabels": _rectangle,
    "polygonlabels": _polygon,
    "ellipselabels": _ellipse,
    "keypointlabels": _point,
}
