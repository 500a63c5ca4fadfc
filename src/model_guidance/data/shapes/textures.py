"""Procedural landscapes: a meadow and the sea, and the smooth noise that both are made of."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from jaxtyping import Float32
from PIL import Image

Plane = Float32[np.ndarray, "size size"]
Canvas = Float32[np.ndarray, "size size 3"]
Colour = tuple[float, float, float]
"""RGB, each from 0 to 1, as on a canvas."""


@lru_cache(maxsize=16)
def pixels(size: int) -> tuple[Plane, Plane]:
    """Return x and y of every pixel's centre, in pixels from the left upper corner: 0.5 to `size` - 0.5."""
    y, x = np.mgrid[:size, :size].astype(np.float32) + np.float32(0.5)
    x.flags.writeable = y.flags.writeable = False  # every thread shares them
    return x, y


def noise(rng: np.random.Generator, size: int, rows: int, columns: int) -> Plane:
    """Return smooth noise, mostly from 0 to 1: `rows` x `columns` random values, smoothly joined."""
    coarse = Image.fromarray(rng.random((rows, columns), dtype=np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))


def meadow(rng: np.random.Generator, size: int) -> Canvas:
    """Return upright blades of grass in greens, some in the sun and some in the shade."""
    blades = 0.55 * noise(rng, size, 10, 40) + 0.45 * noise(rng, size, 20, 26)
    return mix((0.09, 0.30, 0.09), (0.62, 0.82, 0.28), 0.7 * blades + 0.3 * noise(rng, size, 4, 4))


def sea(rng: np.random.Generator, size: int) -> Canvas:
    """Return long flat waves in blues, with foam on some crests."""
    waves = 0.6 * noise(rng, size, 22, 5) + 0.4 * noise(rng, size, 34, 12)
    water = mix((0.04, 0.22, 0.45), (0.36, 0.70, 0.90), 0.8 * waves + 0.2 * noise(rng, size, 3, 3))
    foam = np.clip(6 * (waves - 0.78), 0, 0.7)[..., None]
    return water + foam * (1 - water)


def mix(low: Colour, high: Colour, share: Plane) -> Canvas:
    """Return the colours between `low`, where `share` is 0 or less, and `high`, where it is 1 or more."""
    start, end = np.array(low, dtype=np.float32), np.array(high, dtype=np.float32)
    return start + np.clip(share, 0, 1)[..., None] * (end - start)


LANDSCAPES: dict[str, Callable[[np.random.Generator, int], Canvas]] = {"meadow": meadow, "sea": sea}
