"""What every reader checks of an annotation."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from model_guidance.errors import UserError, quoted
from model_guidance.files import is_there


def needed(path: Path, remedy: str) -> Path:
    """Return `path` when it exists; raise `UserError` with the `remedy` (what should lie there) otherwise.

    Of a relative path it says where it was looked for: a run keeps its paths as they were given, and may be
    opened from another folder.
    """
    if not is_there(path):
        seen = "" if path.is_absolute() else f" in {Path.cwd()}, where relative paths begin, a run's too"
        raise UserError(f"{path}: does not exist{seen}; {remedy}")
    return path


def check_size(image: Image.Image, size: tuple[float, float], where: str) -> None:
    """Raise `UserError` unless `image` has the (width, height) in pixels that `where` states."""
    if image.size != size:
        stated, found = (f"{width:g} x {height:g}" for width, height in (size, image.size))
        hint = "; perhaps it needs another --orientation" * (image.size == size[::-1])
        raise UserError(f"{where}: is made for an image of {stated} pixels, but the image has {found}{hint}")


def check_box(
    box: Sequence[float], size: tuple[int, int], where: str
) -> tuple[Float[np.ndarray, "4"], tuple[str, ...]]:
    """Return [x1, y1, x2, y2] cut to an image of (width, height) pixels, and a remark if it was cut.

    A box without extent stays: it will count as one pixel. `where` names the file and the object. Raises
    `UserError` for NaN, infinity, edges in the wrong order, or a box wholly outside the image.
    """
    edges = _single(box)
    numbers = f"[{', '.join(f'{edge:g}' for edge in box)}]"
    low, high, limit = edges[:2], edges[2:], np.array(size, np.float32)
    if not np.isfinite(edges).all():
        raise UserError(f"{where}: the box edges {numbers} must be finite numbers")
    if (high < low).any():
        raise UserError(f"{where}: the box edges {numbers} must have xmin <= xmax and ymin <= ymax")
    if ((low < 0) & (high <= 0) | (low >= limit) & (high > limit)).any():
        raise UserError(
            f"{where}: the box edges {numbers} must lie in the image of {size[0]} x {size[1]} pixels"
        )
    cut = np.concatenate([low.clip(0, limit), high.clip(0, limit)])
    remark = f"{where}: the box edges {numbers} were cut at the image of {size[0]} x {size[1]} pixels"
    return cut, () if (cut == edges).all() else (remark,)


def check_point(point: Sequence[float], size: tuple[int, int], where: str) -> Float[np.ndarray, "3"]:
    """Return x, y and radius; `UserError` unless the point lies in the image and the radius is above 0."""
    x, y, radius = stored = _single(point)
    numbers = "[{:g}, {:g}] of radius {:g}".format(*point)
    if not (0 <= x <= size[0] and 0 <= y <= size[1]):
        raise UserError(f"{where}: the point {numbers} must lie in the image of {size[0]} x {size[1]} pixels")
    if not 0 < radius < np.inf:
        raise UserError(f"{where}: the point {numbers} must have a radius above 0, in pixels")
    return stored


def _single(numbers: Sequence[float]) -> Float[np.ndarray, "n"]:
    """Return the numbers in float32: one that is too large becomes infinite, one that is too small 0."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(numbers, np.float64).astype(np.float32)


def class_index(name: str, classes: Mapping[str, int], where: str) -> int:
    """Return the class called `name`; raise `UserError` with the closest known name when there is none."""
    if name in classes:
        return classes[name]
    close = difflib.get_close_matches(name[:100], classes, n=1, cutoff=0)
    meant = f"; did you mean {quoted(close[0])}?" if close else ": the data set has no class"
    raise UserError(f"{where}: the class {quoted(name)} is unknown{meant}")
