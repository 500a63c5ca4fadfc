"""The box around a map's strongest energy: where a person may begin to mark."""

import numpy as np
from jaxtyping import Float

from model_guidance.data.source import bounding_box

LEAST = 0.5  # of the highest value: a place with less does not belong to the peak


def strongest_box(raw: Float[np.ndarray, "height width"]) -> tuple[float, float, float, float] | None:
    """Return x1, y1, x2, y2, as fractions of the image, of the box around the map's peak.

    It holds all places of half the peak or more that are connected with it, from place to place. None if
    nothing speaks for the class.
    """
    peak = float(raw.max())
    if not peak > 0:
        return None
    strong = raw >= LEAST * peak
    reached = np.zeros_like(strong)
    reached[np.unravel_index(int(raw.argmax()), raw.shape)] = True
    while (grown := _grown(reached) & strong).sum() > reached.sum():
        reached = grown
    x1, y1, x2, y2 = bounding_box(reached).tolist()
    height, width = raw.shape
    return x1 / width, y1 / height, x2 / width, y2 / height


def _grown(reached: np.ndarray) -> np.ndarray:
    """Add the eight neighbours of each place."""
    padded = np.pad(reached, 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
