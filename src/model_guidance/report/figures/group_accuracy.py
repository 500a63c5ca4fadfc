"""Accuracy of each group: a row per configuration, a panel per group."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from model_guidance.report.escape import drawable
from model_guidance.report.figures.drawing import Drawing
from model_guidance.report.figures.front_markers import in_figures, model_marks
from model_guidance.report.figures.lettering import width, wrapped
from model_guidance.report.figures.style import INK, PALE, Styles, canvas, spread_out
from model_guidance.report.read.reported import baseline, budget
from model_guidance.report.read.roles import GUIDED
from model_guidance.report.read.score import Spread, members, spread_in, spread_of

Of = Callable[[pd.DataFrame], Spread | None]
ACROSS = 6  # panels beside each other
PANEL, BROADEST = 1.05, 2.6  # inches: a panel, the names beside the first one
LINE, BETWEEN, HEAD = (
    0.135,
    0.09,
    0.75,
)  # inches: a line of a name, between two names, what is around the rows
POINTS = 8.0


def group_dots(name: str, tested: pd.DataFrame, kind: str, styles: Styles) -> Drawing:
    """Draw the accuracy of each group in the best or the last epoch of `tested`: all its configurations.

    Bars: standard deviation over seeds; dashed: the baseline, of several that with the guided runs' epochs.
    """
    rows = tested[tested["own"] & (tested["kind"] == kind)]
    panels = list(_panels(members(rows, "groups")))
    labels = in_figures(rows)
    beside = min(BROADEST, max(width(drawable(label), POINTS) for label in labels) + 0.1)
    names = [wrapped(drawable(label), beside, POINTS) for label in labels]
    at, high = _places(names)
    columns = min(ACROSS, len(panels))
    lines = -(-len(panels) // columns)
    size = (beside + 0.2 + PANEL * columns, lines * (HEAD + high))
    figure, grid = canvas(lines, size, columns, alike=False)
    places = [axes for line in grid for axes in line]
    for axes, (title, of) in zip(places, panels, strict=False):
        _draw(axes, rows, dict(zip(labels, at, strict=True)), of, styles)
        axes.set_title(wrapped(drawable(title), PANEL - 0.1, POINTS), fontsize=POINTS)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    for line in grid:
        line[0].set_yticks(at, names, fontsize=POINTS)
        line[0].set_ylim(high, 0)
    figure.supxlabel("accuracy on test, %", fontsize=POINTS)
    return Drawing(name, f"Accuracy of each group, {kind} epoch", figure)


def _places(names: Sequence[str]) -> tuple[list[float], float]:
    """Return the middle of each row, in inches from the top, and where the last row ends."""
    heights = [BETWEEN + LINE * (1 + name.count("\n")) for name in names]
    ends = list(accumulate(heights))
    return [end - height / 2 for end, height in zip(ends, heights, strict=True)], ends[-1]


def _panels(groups: Sequence[str]) -> Iterator[tuple[str, Of]]:
    """Yield each panel's title and how its value is read of the rows of a configuration."""
    for group in groups:
        yield group, partial(spread_in, nested="groups", member=group, score="accuracy")
    for title, score in (("worst group", "worst_group"), ("overall", "accuracy")):
        yield title, partial(spread_of, score=score)


def _draw(axes: Axes, rows: pd.DataFrame, places: Mapping[str, float], of: Of, styles: Styles) -> None:
    marks = model_marks(rows, styles)
    for label, place in places.items():
        found = of(rows[rows["configuration"] == label])
        if found is not None:
            bars: Any = {"ecolor": INK, "elinewidth": 1, "capsize": 2, "fmt": "none"}
            if found.count > 1:
                axes.errorbar(found.mean, place, xerr=found.deviation, **bars)
            axes.plot(found.mean, place, **{**marks[label], "ms": 6, "mew": 0.8})
    guided = rows[rows["role"].isin(GUIDED)]
    reference = of(baseline(rows, budget(guided)))
    if reference is not None:
        axes.axvline(reference.mean, color=PALE, lw=0.9, ls="--", zorder=0)
    axes.locator_params(axis="x", nbins=3, steps=[1, 2, 5, 10])
    axes.tick_params(labelsize=POINTS)
    spread_out(axes, down=False)
