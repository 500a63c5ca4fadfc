"""From a photo to the size that networks see, and back; importing this imports no torch."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Shaped, UInt8
from PIL import Image

from model_guidance.errors import UserError, listed, quoted

Size = tuple[int, int]
"""Height and width in pixels, as tensors have them; options and messages spell it WIDTHxHEIGHT."""

MODES = ("stretch", "fit", "crop")
LEAST, MOST = 8, 10_000  # pixels of a side
PADDING = (124, 116, 104)
"""The mean colour of ImageNet: it tells nothing of the photo, and most networks see it as zero."""


@dataclass(frozen=True)
class Placement:
    """Where a photo lies in an image of `size`: resized to `inner`, with its upper left corner at `corner`.

    All are (rows, columns). A corner above 0 leaves room for padding, one below 0 cuts the photo.
    """

    photo: Size
    inner: Size
    corner: tuple[int, int]
    size: Size

    @property
    def crops(self) -> bool:
        """Whether part of the photo is not seen."""
        return min(self.corner) < 0

    @property
    def scale(self) -> Float32[np.ndarray, "4"]:
        """By what x, y, x, y of the photo are multiplied."""
        down, across = (new / old for new, old in zip(self.inner, self.photo, strict=True))
        return np.array([across, down] * 2, np.float32)

    @property
    def shift(self) -> Float32[np.ndarray, "4"]:
        """What is added to x, y, x, y then."""
        return np.array([*self.corner[::-1]] * 2, np.float32)

    @property
    def frame(self) -> Float32[np.ndarray, "4"]:
        """The edges x1, y1, x2, y2 of what is seen of the photo; around it is padding."""
        rows, columns = self._seen()
        return np.array([columns.start, rows.start, columns.stop, rows.stop], np.float32)

    @property
    def seen(self) -> tuple[float, float, float, float]:
        """The edges x1, y1, x2, y2 of the same in the photo."""
        (rows, columns), (height, width) = self._of_inner(), self.photo
        across, down = (np.array([each.start, each.stop]) for each in (columns, rows))
        (x1, x2), (y1, y2) = across * width / self.inner[1], down * height / self.inner[0]
        return float(x1), float(y1), float(x2), float(y2)

    def placed(self, pixels: Shaped[np.ndarray, "rows columns"]) -> Shaped[np.ndarray, "height width"]:
        """Cut what has the size `inner` at the image, or pad it with zeros."""
        found = np.zeros(self.size, pixels.dtype)
        found[self._seen()] = pixels[self._of_inner()]
        return found

    def back(self, pixels: Shaped[np.ndarray, "height width"]) -> Shaped[np.ndarray, "rows columns"]:
        """Return what covers the whole photo of a map or mask of the image; zeros where it was cut."""
        found = np.zeros(self.inner, pixels.dtype)
        found[self._of_inner()] = pixels[self._seen()]
        return found

    def _seen(self) -> tuple[slice, slice]:
        """Return the rows and columns of the image in which the photo lies."""
        return self._slices(lambda inner, first, side: slice(max(first, 0), min(first + inner, side)))

    def _of_inner(self) -> tuple[slice, slice]:
        """Return the same in rows and columns of the resized photo."""
        return self._slices(lambda inner, first, side: slice(max(-first, 0), min(inner, side - first)))

    def _slices(self, of: Callable[[int, int, int], slice]) -> tuple[slice, slice]:
        rows, columns = (of(*each) for each in zip(self.inner, self.corner, self.size, strict=True))
        return rows, columns


@dataclass(frozen=True)
class Resizing:
    """The `size` of the images that networks see, and how photos are brought there, one of `MODES`.

    - "stretch": to the size, whatever their aspect, as published.
    - "fit": wholly inside, in the middle, with their aspect; the rest is padding of the colour `PADDING`.
    - "crop": to cover the size, with their aspect; what reaches past it on both sides is cut.
    """

    size: Size
    mode: str = "stretch"

    @classmethod
    def of(cls, size: int | str, mode: str = "stretch") -> "Resizing":
        """Read `--size`, the side of a square or WIDTHxHEIGHT, and `--resize`; raises `UserError`."""
        if mode not in MODES:
            raise UserError(f"--resize {mode}: choose one of {listed(MODES, mode)}")
        sides = re.fullmatch(r"(\d+)(?:x(\d+))?", str(size), re.ASCII)
        if sides is None:
            raise UserError(
                f"--size {quoted(size)}: must be one number for a square, as 224, or WIDTHxHEIGHT, as 320x192"
            )
        width, height = int(sides[1]), int(sides[2] or sides[1])
        if not LEAST <= min(width, height) <= max(width, height) <= MOST:
            raise UserError(f"--size {size}: must be at least {LEAST} pixels on each side, at most {MOST}")
        return cls((height, width), mode)

    @property
    def spelled(self) -> int | str:
        """The size as `--size` has it: the side of a square, else WIDTHxHEIGHT."""
        height, width = self.size
        return width if width == height else f"{width}x{height}"

    @property
    def name(self) -> int | str:
        """The size, and the mode unless it is "stretch"; a number for squares of stretched photos."""
        return self.spelled if self.mode == "stretch" else f"{self.spelled} {self.mode}"

    def placement(self, photo: Size) -> Placement:
        """Return where a photo of (height, width) pixels lies."""
        if self.mode == "stretch":
            return Placement(photo, self.size, (0, 0), self.size)
        ratios = [new / old for new, old in zip(self.size, photo, strict=True)]
        scale = min(ratios) if self.mode == "fit" else max(ratios)
        rows, columns = (max(1, round(scale * side)) for side in photo)
        top, left = (self.size[0] - rows) // 2, (self.size[1] - columns) // 2
        return Placement(photo, (rows, columns), (top, left), self.size)

    def pixels(self, photo: Image.Image) -> UInt8[np.ndarray, "height width 3"]:
        """Resize an RGB photo, bilinearly with antialiasing, and pad or cut it."""
        place = self.placement((photo.height, photo.width))
        if place.crops:
            return np.asarray(photo.resize(self.size[::-1], Image.Resampling.BILINEAR, box=place.seen))
        resized = photo.resize(place.inner[::-1], Image.Resampling.BILINEAR)
        if place.inner == self.size:
            return np.asarray(resized)
        padded = Image.new("RGB", self.size[::-1], PADDING)
        padded.paste(resized, place.corner[::-1])
        return np.asarray(padded)
