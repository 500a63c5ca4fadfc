"""Photos of any kind, decoded to 8-bit RGB."""

import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from model_guidance.errors import UserError, listed

SMALLEST_SIDE = 8
DEPTHS = (8, 10, 12, 14, 16)  # bits of a pixel that cameras and scanners have
DARK = 64  # of 255: an image whose brightest pixel is below uses the lowest bits of a deeper file
NO_PHOTOS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}  # Pillow knows their name only, or runs a program
ORIENTATION = 0x0112  # the tag of EXIF
ORIENTATIONS = ("stored", "upright")
TURNS = {  # by the value of the tag
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
BACK = TURNS | {6: TURNS[8], 8: TURNS[6]}
SIXTEEN = (";16B", ";16L", ";16N")  # in Pillow's names of bytes on disk; "BGR;16" are 5 or 6 bits of a colour
_ORIENTATION = ContextVar("orientation", default="stored")


@cache
def formats() -> tuple[str, ...]:
    """Return the names of all formats that Pillow decodes by itself."""
    Image.init()
    return tuple(sorted(set(Image.OPEN) - NO_PHOTOS))


@cache
def suffixes() -> frozenset[str]:
    """Return the lower-case suffixes of the files that `read_photo` can open, with their dot."""
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in formats())


@contextmanager
def oriented(orientation: str) -> Iterator[None]:
    """Have `read_photo` leave photos as they are "stored", or turn them "upright" as viewers do.

    It holds for this thread, within the context: readers need not know of it.
    """
    before = _ORIENTATION.set(orientation)
    try:
        yield
    finally:
        _ORIENTATION.reset(before)


def check_orientation(orientation: str) -> None:
    """Raise `UserError` for an orientation that is unknown."""
    if orientation not in ORIENTATIONS:
        raise UserError(f"--orientation {orientation}: choose one of {listed(ORIENTATIONS, orientation)}")


def open_image(path: Path, orientation: str = "stored") -> Image.Image:
    """Decode `path` as `read_photo` does, without the remarks."""
    with oriented(orientation):
        return read_photo(path)[0]


def read_photo(path: Path) -> tuple[Image.Image, tuple[str, ...]]:
    """Decode `path` as 8-bit RGB, whatever its mode, and return it with remarks; transparency is dropped.

    Gray pixels of more than 8 bits are scaled by the bits that they use (10, 12, 14 or 16), signed,
    32-bit and floating-point ones by their range, with a remark. The EXIF orientation is applied within
    `oriented("upright")` only; otherwise annotations refer to the pixels as they are stored, and a remark
    says that viewers turn the photo.
    Raises `UserError` when the file is missing, no file, damaged, or smaller than 8 pixels on a side.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("it is a folder, a pipe or a device")
        with Image.open(path, formats=formats()) as image:
            rgb, scaled, turn = _as_stored(image)
    except FileNotFoundError:
        raise UserError(f"{path}: does not exist, although it is named as an image") from None
    except Exception as error:  # Pillow's decoders raise a dozen types on damaged files
        raise UserError(f"{path}: no complete, readable image ({error}); replace or remove it") from error
    upright = _ORIENTATION.get() == "upright"
    rgb = rgb.transpose(TURNS[turn]) if upright and turn else rgb
    width, height = rgb.size
    if min(rgb.size) < SMALLEST_SIDE:
        raise UserError(f"{path}: is {width} x {height} pixels, but must have {SMALLEST_SIDE} on each side")
    said = None if upright or not turn else _said(turn)
    return rgb, tuple(f"{path}: {remark}" for remark in (scaled, said) if remark)


def _as_stored(image: Image.Image) -> tuple[Image.Image, str | None, int | None]:
    """Return the pixels as they are stored, with a remark, and the EXIF orientation if viewers turn them."""
    stated = _turn(image) if isinstance(image, TiffImageFile) else None
    rgb, scaled = _as_rgb(image)
    turn = _turn(image)
    if stated and not turn:  # Pillow turns a TIFF while it loads it, and forgets its tag
        return rgb.transpose(BACK[stated]), scaled, stated
    return rgb, scaled, turn


def _turn(image: Image.Image) -> int | None:
    """Return the EXIF orientation if it is one in which viewers turn the photo."""
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
    except Exception:  # a photo with damaged EXIF data is still a photo
        return None
    return int(orientation) if orientation in TURNS else None


def _said(turn: int) -> str:
    return (
        f"viewers turn it (EXIF orientation {turn}); it is taken, and regions are read, as stored "
        "(check-data and train --orientation upright: as viewers show it)"
    )


def _as_rgb(image: Image.Image) -> tuple[Image.Image, str | None]:
    if image.mode == "F" or image.mode.startswith("I"):
        gray, remark = _gray(np.asarray(image))
        return Image.fromarray(gray).convert("RGB"), remark
    deep = _is_deep(image)
    if "transparency" in image.info:
        image = image.convert("RGBA")
    rgb = image.convert("RGB")
    return _brightened(rgb) if deep else (rgb, None)


def _is_deep(image: Image.Image) -> bool:
    """Tell whether colours of 16 bits lie on disk, of which Pillow keeps the upper 8."""
    settings = [tile[3] for tile in getattr(image, "tile", ())]
    words = [each for own in settings for each in (own if isinstance(own, tuple) else (own,))]
    return any(isinstance(each, str) and each.endswith(SIXTEEN) for each in words)


def _brightened(rgb: Image.Image) -> tuple[Image.Image, str | None]:
    """Scale colours of which Pillow kept the upper 8 of 16 bits, if these are nearly empty."""
    values = np.asarray(rgb)
    used = 8 + int(values.max()).bit_length()
    if used == 8:
        raise ValueError("its 16-bit colours are all below 256, that is black; save it with 8 bits")
    if values.max() >= DARK:
        return rgb, None
    depth = next(depth for depth in DEPTHS if depth >= used)
    return Image.fromarray(values << (16 - depth)), f"16-bit colours that use {depth} bits were read as such"


def _gray(values: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Bring gray values to 8 bits: by the bits in use if they are unsigned, otherwise by their range."""
    if not np.isfinite(values).all():
        raise ValueError("it has pixels that are not finite numbers")
    low, high = values.min().item(), values.max().item()
    if values.dtype.kind == "f":
        if low >= 0 and DARK / 255 <= high <= 1:
            return (255 * values).round().astype(np.uint8), "pixels from 0 to 1 were read as 0 to 255"
    elif low >= 0 and DARK <= high < 1 << DEPTHS[-1]:
        depth = next(depth for depth in DEPTHS if high < 1 << depth)
        remark = f"pixels up to {high} were read as {depth} bits" if depth < DEPTHS[-1] else None
        return (values.astype(np.int64) >> (depth - 8)).astype(np.uint8), remark
    scaled = 255 * (values.astype(np.float64) - low) / max(high - low, np.finfo(np.float64).tiny)
    return scaled.astype(np.uint8), f"pixels from {low:g} to {high:g} were stretched to 0 to 255"


def encoded(image: Image.Image, kind: str, quality: int) -> bytes:
    """Return an image as a file, "JPEG" or "PNG"; the `quality`, from 0 to 95, is that of JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return buffer.getvalue()
