"""What a file of annotations says of an image, before anyone has opened the image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from jaxtyping import Bool

from model_guidance.data.checks import check_box, check_point
from model_guidance.data.formats.coco_masks import polygon_mask
from model_guidance.data.source import bounding_box
from model_guidance.errors import UserError

Size = tuple[int, int]  # width and height in pixels
Shapes = tuple[tuple[str, np.ndarray], ...]  # (kind, shape) as in `source.Annotation`
Remarks = tuple[str, ...]
IGNORE = "ignore"  # the class that says: what lies here must not be used
RADIUS = 0.05  # of the image's width


@dataclass(frozen=True)
class Mark:
    """One annotated object; `where` names the file and the object in it.

    `label` is the class's name in the file, "" where the file has none: then it is that of the image.
    `drawn(size)` returns the object's shapes in an image of (width, height) pixels, and remarks; it raises
    `UserError` for an object that does not fit. Of a mask there is the box around it as well.
    """

    where: str
    label: str
    drawn: Callable[[Size], tuple[Shapes, Remarks]]

    @property
    def ignored(self) -> bool:
        """Whether its inside must not be used: that is what the class "ignore" says."""
        return self.label.casefold() == IGNORE


def box(where: str, label: str, edges: Sequence[float], unit: float | None = None) -> Mark:
    """Return a box x1, y1, x2, y2: in pixels, or where the whole image is `unit` wide and high."""

    def drawn(size: Size) -> tuple[Shapes, Remarks]:
        checked, remarks = check_box(in_pixels(edges, size, unit), size, where)
        return (("boxes", checked),), remarks

    return Mark(where, label, drawn)


def points(
    where: str, label: str, places: Sequence[float], radius: float | None = None, unit: float | None = None
) -> Mark:
    """Return a disc around each of x, y, x, y, ...; a `unit` is as for boxes.

    Tools that have no `radius`, in pixels, mean the places alone: it is then `RADIUS` of the image's width.
    Raises `UserError` for one that must not be used: of a point nobody knows how far that goes.
    """
    if label.casefold() == IGNORE:
        raise UserError(
            f"{where}: a point cannot be ignored; draw a box or a polygon around what must not be used"
        )

    def drawn(size: Size) -> tuple[Shapes, Remarks]:
        extent = RADIUS * size[0] if radius is None else radius
        pairs = np.reshape(in_pixels(places, size, unit), (-1, 2)).tolist()
        return tuple(("points", check_point((x, y, extent), size, where)) for x, y in pairs), ()

    return Mark(where, label, drawn)


def polygon(where: str, label: str, corners: Sequence[float], unit: float | None = None) -> Mark:
    """Return the inside of a polygon x, y, x, y, ...; a `unit` is as for boxes."""
    return outline(where, label, lambda size: in_pixels(corners, size, unit))


def outline(where: str, label: str, corners: Callable[[Size], Sequence[float]]) -> Mark:
    """Return the inside of a polygon whose corners, in pixels, depend on the size of the image.

    What a tool states in shares of the image is turned or bent in pixels: shares are no angles.
    """
    return mask(where, label, lambda size: polygon_mask([corners(size)], size[::-1], where))


def mask(
    where: str,
    label: str,
    pixels: Callable[[Size], tuple[Bool[np.ndarray, "height width"], Remarks]],
    edges: Sequence[float] | None = None,
) -> Mark:
    """Return an object by its `pixels` in an image of (width, height), which come with remarks.

    Its box is the smallest around them, unless the file states the `edges`.
    """

    def drawn(size: Size) -> tuple[Shapes, Remarks]:
        found, remarks = pixels(size)
        shapes: Shapes = (("masks", found),) if found.any() else ()
        if edges is not None:
            frame, cut = check_box(edges, size, where)
            return (("boxes", frame), *shapes), (*remarks, *cut)
        if not shapes:
            return (), (*remarks, f"{where}: covers no pixel, and was left out")
        return (("boxes", bounding_box(found)), *shapes), remarks

    return Mark(where, label, drawn)


def in_pixels(numbers: Sequence[float], size: Size, unit: float | None) -> list[float]:
    """Scale x, y, x, y, ...: where there is a unit, they are shares of the image, which is `unit` wide."""
    if unit is None:
        return list(numbers)
    return [number * side / unit for number, side in zip(numbers, cycle(size), strict=False)]
