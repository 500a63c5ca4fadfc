"""COCO's segmentations, polygons or run lengths, as one mask for each class."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from jaxtyping import Bool

from model_guidance.errors import UserError

Mask = Bool[np.ndarray, "height width"]
Size = tuple[int, int]
LONGEST_NUMBER = 40  # bits of a run length: more than any image has pixels


class _RunLengths(msgspec.Struct, gc=False):
    counts: list[int] | str
    size: Size


def run_lengths() -> Any:
    """Return pycocotools' functions; raises `UserError` that names the extra where it is not installed."""
    try:
        from pycocotools import mask  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        raise UserError(
            "polygons and run lengths need pycocotools: pip install 'model-guidance[coco]'"
        ) from error
    return mask


def class_masks(
    segmentations: Sequence[msgspec.Raw], labels: Sequence[int], places: Sequence[str], size: Size
) -> tuple[tuple[tuple[int, Mask], ...], tuple[str, ...]]:
    """Return (class, union of its masks) for every class with a segmentation, and remarks.

    `size` is (height, width) in pixels; `places` name the annotations in messages. Polygons of fewer than
    three points are left out, with a remark. Raises `UserError` for segmentations that make no sense.
    """
    masks: dict[int, Mask] = {}
    remarks: list[str] = []
    for raw, label, place in zip(segmentations, labels, places, strict=True):
        mask, gaps = segmentation_mask(raw, size, place)
        masks[label] = masks.get(label, np.zeros(size, bool)) | mask
        remarks += gaps
    return tuple((label, mask) for label, mask in sorted(masks.items()) if mask.any()), tuple(remarks)


def segmentation_mask(raw: msgspec.Raw, size: Size, place: str) -> tuple[Mask, tuple[str, ...]]:
    """Return the mask of one segmentation in an image of (height, width) pixels, and remarks.

    `place` names the annotation. Raises `UserError` for a segmentation that makes no sense.
    """
    try:
        segmentation = msgspec.json.decode(raw, type=list[list[float]] | _RunLengths | None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{place}: the segmentation is neither polygons nor run lengths ({error})") from error
    if isinstance(segmentation, _RunLengths):
        return _from_run_lengths(segmentation, size, place), ()
    return polygon_mask(segmentation or [], size, place)


def polygon_mask(polygons: Sequence[Sequence[float]], size: Size, place: str) -> tuple[Mask, tuple[str, ...]]:
    """Return the union of polygons x, y, x, y, ... as pycocotools draws them, and remarks; see above."""
    if not all(np.isfinite(polygon).all() and len(polygon) % 2 == 0 for polygon in polygons):
        raise UserError(f"{place}: a polygon must be an even number of finite coordinates x, y, x, y, ...")
    height, width = size
    usable = [_near(polygon, width, height, place) for polygon in polygons if len(polygon) >= 6]
    gaps = (f"{place}: a polygon of fewer than three points was left out",) * (len(polygons) - len(usable))
    if not usable:
        return np.zeros(size, bool), gaps
    coco = run_lengths()
    united = coco.merge(coco.frPyObjects(usable, height, width))
    return _expanded(_unpacked(united["counts"].decode()), size), gaps


def _near(polygon: Sequence[float], width: int, height: int, place: str) -> list[float]:
    """Refuse points that lie further off than the image is large: pycocotools would trace billions of pixels.

    What reaches past the image is drawn as it is, and only then cut: moved corners would change the rest.
    """
    points, size = np.reshape(polygon, (-1, 2)), (width, height)
    far = ((points < np.negative(size)) | (points > np.multiply(2, size))).any(axis=1)
    if far.any():
        x, y = points[far][0]
        raise UserError(f"{place}: a corner at {x:g}, {y:g} is far off an image of {width} x {height} pixels")
    return points.ravel().tolist()


def _from_run_lengths(encoded: _RunLengths, size: Size, place: str) -> Mask:
    if encoded.size != size:
        raise UserError(f"{place}: the run lengths are of size {encoded.size}, but the image is {size}")
    try:
        counts = _unpacked(encoded.counts) if isinstance(encoded.counts, str) else encoded.counts
    except ValueError as error:
        raise UserError(f"{place}: the run lengths {error}") from None
    if min(counts, default=0) < 0 or sum(counts) != size[0] * size[1]:
        raise UserError(
            f"{place}: the run lengths must add up to the {size[0] * size[1]} pixels of the image"
        )
    return _expanded(counts, size)


def _expanded(counts: list[int], size: Size) -> Mask:
    """Lay out runs of outside and inside, in turn, down the columns."""
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(size, order="F")


def _unpacked(text: str) -> list[int]:
    """Decode COCO's compressed run lengths; pycocotools would not check what they add up to.

    A number is a little-endian sequence of characters of 5 bits, each plus 48, or plus 80 when more follow;
    from the fourth on, it is the difference to the last but one.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text.encode():
        chunk = character - 48
        if not 0 <= chunk < 64 or shift > LONGEST_NUMBER:
            raise ValueError("are not in COCO's compressed form")
        value |= (chunk & 31) << shift
        shift += 5
        if not chunk & 32:
            signed = value - (1 << shift) if chunk & 16 else value
            counts.append(signed + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("end within a number")
    return counts
