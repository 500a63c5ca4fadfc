"""Figures to find in a picture: an outline filled with a pattern in two colours, and its exact mask."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from model_guidance.data.shapes.textures import Canvas, Plane, pixels

Values = Float32[np.ndarray, "*places"]


@dataclass(frozen=True)
class Figure:
    """One object; lengths in pixels, angles in radians, colours RGB from 0 to 1.

    No point of it is further than `radius` from its centre (`x`, `y`). `outline` and `pattern` are keys of
    `OUTLINES` and `PATTERNS`; the pattern is drawn in `ink` on `paper` and repeats every `period`.
    """

    outline: str
    pattern: str
    x: float
    y: float
    radius: float
    angle: float
    period: float
    paper: Float32[np.ndarray, "3"]
    ink: Float32[np.ndarray, "3"]


def _polygon(corners: int) -> Callable[[Values], Values]:
    sector = 2 * math.pi / corners
    return lambda angle: math.cos(sector / 2) / np.cos(angle % sector - sector / 2)


def _star(angle: Values) -> Values:
    sector = 2 * math.pi / 5
    from_tip = 1 - np.abs(angle % sector - sector / 2) / (sector / 2)
    return 0.5 / (0.5 + 0.5 * from_tip)


def _heart(angle: Values) -> Values:
    from_top = np.abs((angle + 1.5 * math.pi) % (2 * math.pi) - math.pi)  # y points down
    return np.interp(from_top / math.pi, *_HEART).astype(np.float32)


_HEART = (0, 0.1, 0.2, 0.3, 0.42, 0.6, 0.8, 1), (0.42, 0.68, 0.86, 0.92, 0.88, 0.78, 0.8, 1)


OUTLINES: dict[str, Callable[[Values], Values]] = {
    "disc": np.ones_like,
    "triangle": _polygon(3),
    "square": _polygon(4),
    "star": _star,
    "flower": lambda angle: 0.8 + 0.2 * np.cos(6 * angle),
    "heart": _heart,
}
"""The way from the centre to the edge in a direction, in (0, 1], as a share of the radius."""

PATTERNS: dict[str, Callable[[Values, Values], Values]] = {
    "plain": lambda u, v: np.ones_like(u),
    "striped": lambda u, v: np.sin(u),
    "spotted": lambda u, v: 0.3 - (np.cos(u) + np.cos(v)) / 2,
    "checked": lambda u, v: np.sin(u / 1.5) * np.sin(v / 1.5),
    "ringed": lambda u, v: np.cos(np.hypot(u, v)),
}
"""Positive on paper, negative on ink, where one period is 2 pi."""


def cover(figure: Figure, size: int) -> Plane:
    """Return the share of each pixel that the figure covers, in [0, 1]; less than 1 % counts as nothing."""
    x, y = pixels(size)
    x, y = x - np.float32(figure.x), y - np.float32(figure.y)
    near = np.maximum(np.abs(x), np.abs(y)) < figure.radius + 1
    shares = np.zeros((size, size), dtype=np.float32)
    shares[near] = np.clip(_depth(figure, x[near], y[near]) + 0.5, 0, 1)
    shares[shares < 0.01] = 0
    return shares


def paint(canvas: Canvas, figure: Figure, shares: Plane) -> None:
    """Paint the figure on the canvas, in place, at the pixels that it covers."""
    inside = np.flatnonzero(shares)
    x, y = (plane.ravel()[inside] for plane in pixels(len(canvas)))
    colours = _colours(figure, x - np.float32(figure.x), y - np.float32(figure.y))
    flat = canvas.reshape(-1, 3)
    flat[inside] += shares.ravel()[inside, None] * (colours - flat[inside])


def _depth(figure: Figure, x: Values, y: Values) -> Values:
    """Return how far inside the outline the places lie, measured along the ray from the centre, in pixels."""
    angle = np.arctan2(y, x) - np.float32(figure.angle)
    return figure.radius * OUTLINES[figure.outline](angle) - np.hypot(x, y)


def _colours(figure: Figure, x: Values, y: Values) -> Float32[np.ndarray, "*places 3"]:
    """Return the figure's colours, at offsets from its centre: lit from the left above, with a dark rim."""
    sine, cosine = math.sin(figure.angle), math.cos(figure.angle)
    turn = 2 * math.pi / figure.period
    u, v = turn * (cosine * x + sine * y), turn * (cosine * y - sine * x)
    paper = np.clip(0.5 + 2 * PATTERNS[figure.pattern](u, v), 0, 1)[:, None]
    light = (0.92 - 0.14 * (x + y) / figure.radius) * np.where(_depth(figure, x, y) < 1, 0.6, 1)
    return np.clip(light[:, None] * (figure.ink + paper * (figure.paper - figure.ink)), 0, 1).astype(
        np.float32
    )
