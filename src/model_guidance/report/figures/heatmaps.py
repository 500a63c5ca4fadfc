"""A sheet of heat maps: one row per image, one column per model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STRONGEST = 99.5  # percentile of |A| that gets the full colour, so that one pixel does not hide the rest


@dataclass(frozen=True)
class Panel:
    """One raw signed map and what is written below it."""

    map: Float[np.ndarray, "height width"]
    caption: str


@dataclass(frozen=True)
class Row:
    """One image, its annotated region if it has one, and the maps of each model."""

    image: UInt8[np.ndarray, "height width 3"]
    title: str
    region: Bool[np.ndarray, "height width"] | None
    panels: Sequence[Panel]


def heatmap_sheet(rows: Sequence[Row], columns: Sequence[str]) -> Figure:
    """Draw the rows: red speaks for the class, blue against it, the frame is the annotated region."""
    height = 0.35 + 2.15 * len(rows)
    figure = Figure(figsize=(2 * (1 + len(columns)), height), dpi=120, layout="constrained")
    axes = figure.subplots(len(rows), 1 + len(columns), squeeze=False)
    for panel, name in zip(axes[0], ["image", *columns], strict=True):
        panel.set_title(name, fontsize=9, fontweight="bold")
    for row, line in zip(rows, axes, strict=True):
        _draw(line[0], row.image, row.region, row.title)
        for each, panel in zip(row.panels, line[1:], strict=True):
            _draw(panel, overlay(row.image, each.map), row.region, each.caption)
    return figure


def overlay(
    image: UInt8[np.ndarray, "height width 3"], raw: Float[np.ndarray, "height width"]
) -> Float[np.ndarray, "height width 3"]:
    """Blend the map over the greyed image, as opaque as it is strong; values in [0, 1]."""
    largest = np.percentile(np.abs(raw), STRONGEST) or np.abs(raw).max() or 1.0
    strength = np.clip(raw / largest, -1, 1)
    colour = colormaps["RdBu_r"](0.5 + 0.42 * np.sign(strength))[..., :3]
    grey = 0.35 + 0.6 * (image @ np.array([0.299, 0.587, 0.114]))[..., None] / 255
    opacity = 0.9 * np.abs(strength)[..., None] ** 0.7
    return (1 - opacity) * grey + opacity * colour


def _draw(panel: Axes, image: np.ndarray, region: np.ndarray | None, caption: str) -> None:
    panel.imshow(image, interpolation="nearest")
    if region is not None:
        panel.contour(np.pad(region, 1)[1:-1, 1:-1], levels=[0.5], colors="black", linewidths=2.2)
        panel.contour(region, levels=[0.5], colors="white", linewidths=1.0)
    panel.set_xlabel(caption, fontsize=7.5)
    panel.set_xticks([])
    panel.set_yticks([])
