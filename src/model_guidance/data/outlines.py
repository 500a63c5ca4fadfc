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


def clipped(corners: Sequence[float], size: tuple[int, int]) -> list[float]:
    """Return the part of a polygon that lies in an image of (width, height) pixels; empty if there is none.

    That is Sutherland and Hodgman, "Reentrant Polygon Clipping", 1974. Of a polygon that is not convex, parts
    that fall apart stay joined along the image's edge.
    """
    points = np.reshape(np.asarray(corners, float), (-1, 2))
    for axis, limit, sign in ((0, 0, 1), (0, size[0], -1), (1, 0, 1), (1, size[1], -1)):
        points = _beyond(points, axis, limit, sign)
    return points.ravel().tolist()


def _beyond(points: np.ndarray, axis: int, limit: float, sign: int) -> np.ndarray:
    """Return the part of a polygon on one side of a line."""
    depth = sign * (points[:, axis] - limit)
    found: list[np.ndarray] = []
    for place in range(len(points)):
        before, here = depth[place - 1], depth[place]
        if (before < 0) != (here < 0):
            share = before / (before - here)
            found.append(points[place - 1] + share * (points[place] - points[place - 1]))
        if here >= 0:
            found.append(points[place])
    return np.reshape(found, (-1, 2))


def _turned(corners: np.ndarray, angle: float, about: Point) -> list[float]:
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    x, y = (corners - about).T
    found = np.stack([x * cosine - y * sine, x * sine + y * cosine], axis=1) + about
    return found.ravel().tolist()
