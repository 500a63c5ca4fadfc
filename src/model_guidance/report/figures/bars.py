"""Bars: a few numbers side by side, with their spread over seeds."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from model_guidance.report.figures.drawing import Drawing
from model_guidance.report.figures.style import COLOURS, INK, canvas, legend
from model_guidance.report.read.score import Spread

Series = Mapping[str, Sequence[Spread | None]]
WIDEST = 13  # characters below a group of bars
HATCHES = ("", "//", "..", "xx", "\\\\", "--", "++")


def bar_drawing(name: str, title: str, places: Sequence[str], panels: Mapping[str, Series]) -> Drawing:
    """Draw panels, by their vertical axis: a group of bars per place, a bar per series in it, in percent."""
    size = (max(4.6, 0.75 * len(places) + 1.5), 1.0 + 2.0 * len(panels))
    figure, grid = canvas(len(panels), size)
    for (label, series), [axes] in zip(panels.items(), grid, strict=True):
        _draw(axes, series)
        axes.set(ylabel=f"{label}, %", ylim=(0, None))
        axes.set_xticks(range(len(places)), [_wrapped(place) for place in places])
        axes.grid(axis="x", visible=False)
    legend(figure)
    return Drawing(name, title, figure)


def _wrapped(place: str) -> str:
    """Break a name before "on", and where a line would run into the next name."""
    lines = place.replace(" on ", "\non ").split("\n")
    return "\n".join(textwrap.fill(line, WIDEST, break_long_words=False) for line in lines)


def _draw(axes: Axes, series: Series) -> None:
    width = 0.8 / len(series)
    for i, (label, spreads) in enumerate(series.items()):
        at = np.arange(len(spreads)) + (i - (len(series) - 1) / 2) * width
        heights = [np.nan if each is None else each.mean for each in spreads]
        errors = [np.nan if each is None else each.deviation for each in spreads]
        again, colour = divmod(i, len(COLOURS))  # the colours' second round has other hatches
        style: Any = {"color": COLOURS[colour], "edgecolor": "white"}
        axes.bar(at, heights, width * 0.92, label=label, hatch=HATCHES[(i + again) % len(HATCHES)], **style)
        axes.errorbar(at, heights, errors, ls="none", ecolor=INK, elinewidth=1.0, capsize=2)
