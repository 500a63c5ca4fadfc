"""Label Studio's brush strokes: the values red, green, blue and alpha of each pixel, in packed runs.

A stream of bits, most significant first: how many values there are (32 bits), the bits of a value less one
(5), and four widths less one (4 each). Then run after run: whether one value is repeated (1), which of the
widths its length has (2), the length less one, and that one value or as many as the length says.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, UInt8

from model_guidance.data.marks import Size
from model_guidance.errors import UserError

CHANNELS, DEPTH = 4, 8  # values of a pixel, and bits of a value


class _Bits:
    """What is left of a stream of bits."""

    def __init__(self, content: bytes) -> None:
        self.bits, self.at = np.unpackbits(np.frombuffer(content, np.uint8)), 0

    def number(self, width: int) -> int:
        """Take the next number, of so many bits."""
        return int("".join(map(str, self._next(width).tolist())), 2)

    def values(self, count: int) -> UInt8[np.ndarray, "count"]:
        """Take so many values."""
        return np.packbits(self._next(count * DEPTH))

    def _next(self, count: int) -> UInt8[np.ndarray, "count"]:
        found = self.bits[self.at : self.at + count]
        if len(found) < count:
            raise EOFError
        self.at += count
        return found


def brush_mask(packed: object, size: Size, where: str) -> Bool[np.ndarray, "height width"]:
    """Return which pixels of an image of (width, height) a stroke covers: those that it does not leave clear.

    `packed` are the stream's bytes as numbers. Raises `UserError` for what is no stream of such an image.
    """
    width, height = size
    try:
        values = _unpacked(_Bits(bytes(_numbers(packed))), width * height * CHANNELS)
    except (ValueError, TypeError, EOFError):
        raise UserError(
            f"{where}: its rle must be a brush stroke on {width} x {height} pixels, as Label Studio packs it"
        ) from None
    return values.reshape(height, width, CHANNELS)[..., -1] > 0


def _numbers(packed: object) -> Sequence[int]:
    if not isinstance(packed, list):
        raise TypeError
    return packed


def _unpacked(bits: _Bits, expected: int) -> UInt8[np.ndarray, "values"]:
    count, depth = bits.number(32), bits.number(5) + 1
    widths = [bits.number(4) + 1 for _ in range(4)]
    if count != expected or depth != DEPTH:
        raise ValueError
    values, at = np.empty(count, np.uint8), 0
    while at < count:
        repeated, width = bits.number(1), widths[bits.number(2)]
        length = bits.number(width) + 1
        values[at : at + length] = bits.values(1 if repeated else length)
        at += length
    return values
