"""Procedural backgrounds: a meadow and the sea, and the smooth noise both are made of."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32
from PIL import Image

Canvas = Float32[np.ndarray, "size size 3"]  # RGB, 0 to 1


@lru_cache(maxsize=16)
def pixels(size: int) -> tuple[Float32[np.ndarray, "size size"], Float32[np.ndarray, "size size"]]:
    """Return the x and the y of every pixel's centre, in pixels from the image's left upper corner."""
    y, x = np.mgrid[:size, :size].astype(np.float32) + np.float32(0.5)
    x.flags.writeable = y.flags.writeable = False
    return x, y


def noise(rng: np.random.Generator, size: int, rows: int, columns: int) -> Float32[np.ndarray, "size size"]:
    """Return smooth noise, mostly in [0, 1], with about `rows` x `columns` independent patches."""
    coarse = Image.fromarray(rng.random((rows, columns), dtype=np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))


def meadow(rng: np.random.Generator, size: int) -> Canvas:
    """Return blades of grass, upright streaks in greens, with sunlit and shaded patches."""
    blades = 0.55 * noise(rng, size, 10, 40) + 0.45 * noise(rng, size, 20, 26)
    sun = noise(rng, size, 4, 4)
    grass = _between((0.09, 0.30, 0.09), (0.62, 0.82, 0.28), 0.7 * blades + 0.3 * sun)
    return grass


def sea(rng: np.random.Generator, size: int) -> Canvas:
    """Return long flat waves in blues, with some foam on their crests."""
    waves = 0.6 * noise(rng, size, 22, 5) + 0.4 * noise(rng, size, 34, 12)
    water = _between((0.04, 0.22, 0.45), (0.36, 0.70, 0.90), 0.8 * waves + 0.2 * noise(rng, size, 3, 3))
    foam = np.clip(6 * (waves - 0.78), 0, 0.7)[..., None]
    return water + foam * (1 - water)


def _between(
    dark: tuple[float, ...], light: tuple[float, ...], share: Float[np.ndarray, "size size"]
) -> Canvas:
    """Mix two colours, RGB in 0 to 1: `share` 0 is `dark`, 1 is `light`."""
    start, end = np.array(dark, dtype=np.float32), np.array(light, dtype=np.float32)
    return start + np.clip(share, 0, 1)[..., None] * (end - start)
