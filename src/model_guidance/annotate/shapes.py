"""One region as the page draws it, and as COCO's format keeps it."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from model_guidance.data.marks import IGNORE
from model_guidance.data.outlines import clipped, ellipse
from model_guidance.data.source import Annotation
from model_guidance.errors import UserError

Kind = Literal["box", "polygon", "point"]
CORNERS: dict[str, tuple[int, int]] = {"box": (2, 2), "polygon": (3, 10_000), "point": (1, 1)}
DIGITS = 3  # of a pixel; float32 has not many more


class Shape(msgspec.Struct, frozen=True):
    """A region: two corners of a `box`, the corners of a `polygon`, or a `point` with a radius.

    `points` are x and y in pixels of the image, whose edges are at 0 and at its width and height. `uid` is
    the region's own, whoever made it. `ignored` says that what lies inside must not be used.
    """

    uid: str
    label: str
    kind: Kind
    points: list[tuple[float, float]]
    radius: float | None = None
    ignored: bool = False

    def check(self, size: tuple[int, int], classes: Sequence[str]) -> None:
        """Raise `UserError` unless it lies in an image of (width, height) and is of one of the classes."""
        least, most = CORNERS[self.kind]
        numbers = [number for point in self.points for number in point]
        if not least <= len(self.points) <= most:
            raise UserError(f"a {self.kind} has {len(self.points)} points, but must have {least} to {most}")
        if not all(math.isfinite(number) for number in numbers) or not 0 < len(self.uid) <= 64:
            raise UserError("a region must have a uid of at most 64 characters and finite coordinates")
        if self.label not in classes:
            raise UserError(f"the class {self.label!r} is unknown; there are {', '.join(classes)}")
        if self.kind == "point" and not 0 < (self.radius or 0) <= 10 * max(size):
            raise UserError("a point must have a radius above 0, in pixels")
        x1, y1, x2, y2 = self.edges
        beside = x2 <= 0 or y2 <= 0 or x1 >= size[0] or y1 >= size[1]
        if beside or not clipped(self.outline, size):
            raise UserError(f"the region must lie in the image of {size[0]} x {size[1]} pixels")

    @property
    def category(self) -> str:
        """The name of its category: its class, or that of what must not be used."""
        return IGNORE if self.ignored else self.label

    @property
    def outline(self) -> list[float]:
        """The corners x, y, x, y, ...; of a point those of a disc."""
        if self.kind == "polygon":
            return [number for point in self.points for number in point]
        if self.kind == "point":
            return ellipse(self.points[0], (self.radius or 0.0, self.radius or 0.0), 0.0)
        (x1, y1), (x2, y2) = self.points
        return [x1, y1, x2, y1, x2, y2, x1, y2]

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """The box around it: x1, y1, x2, y2."""
        return _edges(self.outline)

    def coco(self, size: tuple[int, int]) -> dict[str, Any]:
        """Return the entries of a COCO annotation, cut at the image; its own are kept beside, as `mark`."""
        cut = clipped(self.outline, size)
        x1, y1, x2, y2 = _edges(cut)
        box = [x1, y1, x2 - x1, y2 - y1]
        area = abs(_area(cut))
        return {
            "bbox": box,
            "area": area,
            "segmentation": [cut],
            "iscrowd": 0,
            "mark": msgspec.to_builtins(self),
        }


def categories(classes: Sequence[str]) -> dict[str, int]:
    """Return the place of each category, from 0: the classes, and last what must not be used."""
    return {name: place for place, name in enumerate(dict.fromkeys((*classes, IGNORE)))}


def own_shapes(annotations: Sequence[Annotation], classes: Sequence[str]) -> list[Shape]:
    """Return the boxes, points and ignored boxes of the data themselves."""
    found = []
    for place, each in enumerate(annotations):
        label, uid = classes[each.label], f"own-{place}"
        if each.kind in ("boxes", IGNORE):
            x1, y1, x2, y2 = each.shape.astype(float).round(DIGITS).tolist()
            corners = [(x1, y1), (x2, y2)]
            found.append(Shape(uid, label, "box", corners, ignored=each.kind == IGNORE))
        elif each.kind == "points":
            x, y, radius = each.shape.astype(float).round(DIGITS).tolist()
            found.append(Shape(uid, label, "point", [(x, y)], radius))
    return found


def _edges(outline: Sequence[float]) -> tuple[float, float, float, float]:
    x, y = outline[::2], outline[1::2]
    return min(x), min(y), max(x), max(y)


def _area(outline: Sequence[float]) -> float:
    x, y = outline[::2], outline[1::2]
    following = [*zip(x[1:], y[1:], strict=True), (x[0], y[0])]
    return sum(a * d - b * c for (a, b), (c, d) in zip(zip(x, y, strict=True), following, strict=True)) / 2
