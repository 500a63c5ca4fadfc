"""Confusion matrices: a panel per configuration, a row per class, a column for what it is taken for."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes

from model_guidance.report.escape import drawable
from model_guidance.report.figures.drawing import Drawing
from model_guidance.report.figures.lettering import cut, width, wrapped
from model_guidance.report.figures.style import INK, canvas
from model_guidance.report.read.confusion import classes_in, configurations, share_in

MOST = 20  # classes: the numbers of more cannot be read
POINTS, CELL, NARROWEST, NAME = (
    8.0,
    0.36,
    1.5,
    1.3,
)  # inches: a cell, a panel at least, a class's name at most
ACROSS = 3  # panels beside each other
DARK = 0.55  # share from which on a number is white


def confusion_maps(name: str, last: pd.DataFrame, backbone: str, explainer: str) -> Drawing | None:
    """Draw the shares of `last_epochs` of one panel, in percent; None without any, or for many classes."""
    columns = configurations(last, backbone, explainer)
    classes = classes_in(columns.values())
    if not 1 < len(classes) <= MOST:
        return None
    shown = [cut(drawable(each), NAME, POINTS) for each in classes]
    names = max(width(each, POINTS) for each in shown) + 0.2
    side = max(NARROWEST, CELL * len(classes))
    across = min(ACROSS, len(columns))
    lines = -(-len(columns) // across)
    figure, grid = canvas(lines, (names + (side + 0.2) * across, lines * (side + names + 0.6)), across)
    places = [axes for line in grid for axes in line]
    for axes, (label, rows) in zip(places, columns.items(), strict=False):
        _draw(axes, _shares(rows, classes), shown)
        axes.set_title(wrapped(drawable(label), side, POINTS), fontsize=POINTS)
    for axes in places[len(columns) :]:
        axes.set_visible(False)
    figure.supxlabel("taken for", fontsize=POINTS)
    figure.supylabel("class", fontsize=POINTS)
    return Drawing(name, "For which class test images are taken, % of each class, last epoch", figure)


def _shares(rows: pd.DataFrame, classes: list[str]) -> Float[np.ndarray, "classes classes"]:
    """Return the mean shares in percent, NaN for a class without images."""
    found = [[share_in(rows, true, taken) for taken in classes] for true in classes]
    return np.array([[np.nan if each is None else each.mean for each in row] for row in found])


def _draw(axes: Axes, shares: Float[np.ndarray, "classes classes"], names: list[str]) -> None:
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="equal")
    axes.grid(visible=False)
    at = range(len(names))
    axes.set_xticks(at, names, rotation=90, fontsize=POINTS)
    axes.set_yticks(at, names, fontsize=POINTS)
    axes.tick_params(length=0, labelbottom=True)
    for (row, column), share in np.ndenumerate(shares):
        if share > 0:
            how: Any = {"ha": "center", "va": "center", "fontsize": POINTS - 1}
            text = f"{share:.0f}" if share >= 1 else "<1"
            axes.text(column, row, text, color="white" if share > 100 * DARK else INK, **how)
