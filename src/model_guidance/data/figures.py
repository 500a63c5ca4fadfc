"""Patterned figures: an outline, a pattern and two colours, painted on a canvas with their exact mask."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from model_guidance.data.textures import Canvas, pixels

Plane = Float32[np.ndarray, "size size"]


@dataclass(frozen=True)
class Figure:
    """One object to paint; lengths in pixels, angles in radians, colours RGB in 0 to 1.

    No point of it is further from (`x`, `y`) than `radius`; `period` is the pattern's.
    """

    outline: str
    pattern: str
    x: float
    y: float
    radius: float
    angle: float
    period: float
    light: Float32[np.ndarray, "3"]
    dark: Float32[np.ndarray, "3"]


def _polygon(corners: int) -> Callable[[Plane], Plane]:
    sector = 2 * np.pi / corners
    return lambda angle: np.cos(sector / 2) / np.cos(angle % sector - sector / 2)


def _star(angle: Plane) -> Plane:
    sector = 2 * np.pi / 5
    away = np.abs(angle % sector - sector / 2) / (sector / 2)
    return 0.48 / (0.48 + (1 - 0.48) * (1 - away))


def _heart(angle: Plane) -> Plane:
    sine = np.sin(angle)
    return (2 - 2 * sine + sine * np.sqrt(np.abs(np.cos(angle))) / (sine + 1.4)) / 4


OUTLINES: dict[str, Callable[[Plane], Plane]] = {
    "disc": np.ones_like,
    "triangle": _polygon(3),
    "square": _polygon(4),
    "star": _star,
    "flower": lambda angle: 0.8 + 0.2 * np.cos(6 * angle),
    "heart": _heart,
}
"""The distance from the centre to the edge at an angle, as a share of the radius."""

PATTERNS: dict[str, Callable[[Plane, Plane], Plane]] = {
    "plain": lambda u, v: np.ones_like(u),
    "striped": lambda u, v: np.sin(u),
    "spotted": lambda u, v: 0.35 - (np.cos(u) + np.cos(v)) / 2,
    "checked": lambda u, v: np.sin(u / 1.5) * np.sin(v / 1.5),
    "ringed": lambda u, v: np.cos(np.hypot(u, v)),
}
"""Positive where a pattern is light, at a place in radians of its period, turned with the figure."""


def paint(canvas: Canvas, figure: Figure) -> Bool[np.ndarray, "size size"]:
    """Paint the figure on the canvas, in place; return the pixels it covers, wholly or in part.

    Edges are smooth; a pixel that the figure covers by less than 1 % is left alone and not in the mask.
    """
    x, y = pixels(len(canvas))
    x, y = x - np.float32(figure.x), y - np.float32(figure.y)
    distance, angle = np.hypot(x, y), np.arctan2(y, x) - np.float32(figure.angle)
    depth = figure.radius * OUTLINES[figure.outline](angle) - distance
    cover = np.clip(depth + 0.5, 0, 1)
    mask = cover > 0.01
    cover = cover[mask, None]
    canvas[mask] += cover * (_colours(figure, x[mask], y[mask], depth[mask]) - canvas[mask])
    return mask


def _colours(
    figure: Figure,
    x: Float32[np.ndarray, "covered"],
    y: Float32[np.ndarray, "covered"],
    depth: Float32[np.ndarray, "covered"],
) -> Float32[np.ndarray, "covered 3"]:
    """Return the figure's colours at offsets from its centre: pattern, light from the left above, dark rim."""
    sine, cosine = np.sin(figure.angle), np.cos(figure.angle)
    scale = np.float32(2 * np.pi / figure.period)
    u, v = scale * (cosine * x + sine * y), scale * (cosine * y - sine * x)
    lightness = np.clip(0.5 + 2 * PATTERNS[figure.pattern](u, v), 0, 1)[:, None]
    shade = (0.9 - 0.16 * (x + y) / figure.radius) * np.where(depth < 1, 0.6, 1)
    return np.clip(shade[:, None] * (figure.dark + lightness * (figure.light - figure.dark)), 0, 1)
