"""Corners of turned boxes and ellipses, as x, y, x, y, ...; angles are degrees, clockwise on the screen."""

from collections.abc import Sequence

import numpy as np

STEPS = 72  # corners of an ellipse's outline: within 0.1 % of its half axes

Point = tuple[float, float]


def rectangle(edges: Sequence[float], angle: float, about: Point) -> list[float]:
    """Return the corners of the box x1, y1, x2, y2, turned about a point."""
    x1, y1, x2, y2 = edges
    return _turned(np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)]), angle, about)


def ellipse(centre: Point, half_axes: Point, angle: float) -> list[float]:
    """Return corners on the outline of an ellipse, turned about its centre."""
    at = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    upright = np.stack([np.cos(at) * half_axes[0], np.sin(at) * half_axes[1]], axis=1) + centre
    return _turned(upright, angle, centre)


def _turned(corners: np.ndarray, angle: float, about: Point) -> list[float]:
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    x, y = (corners - about).T
    found = np.stack([x * cosine - y * sine, x * sine + y * cosine], axis=1) + about
    return found.ravel().tolist()
