"""The marks of a front's figure that stand for more than one checkpoint, or for none of these runs."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from model_guidance.report.figures.style import INK, PALE, Styles
from model_guidance.report.read.published import published_for
from model_guidance.report.read.reported import baseline
from model_guidance.report.read.roles import GUIDED
from model_guidance.report.read.score import NAMES, spread_of

Pair = tuple[str, str]
GREY: Mapping[str, Any] = {"color": PALE, "ms": 10}
UNGUIDED: Mapping[str, Mapping[str, Any]] = {
    "baseline": {"marker": "*", "ms": 13, "color": INK},
    "baseline, continued": {"marker": "*", **GREY},
    "weighted": {"marker": "X", **GREY},
    "ceiling": {"marker": "p", **GREY},
}


def draw_models(
    axes: Axes, models: pd.DataFrame, pair: Pair, styles: Styles, gid: str
) -> Iterator[tuple[str, str]]:
    """Draw the mean of each configuration's reported models, and the spread of guided ones, over seeds.

    Yields the gid of each mark and what hovering over it says.
    """
    for place, ((role, label), rows) in enumerate(models.groupby(["role", "configuration"], sort=False)):
        x, y = (spread_of(rows, name) for name in pair)
        if x is None or y is None:
            continue
        ringed = {"ms": 8, "mec": INK, "mew": 1.4, **styles.get(str(label), {})}
        mark: Any = ringed if role in GUIDED else UNGUIDED[str(role)]
        axes.plot(x.mean, y.mean, zorder=5, label=str(label), gid=f"{gid}{place}", **{**mark, "ls": "none"})
        if role in GUIDED and x.count > 1:
            bars: Any = {"ecolor": INK, "lw": 1, "capsize": 2, "zorder": 4}
            axes.errorbar(x.mean, y.mean, y.deviation, x.deviation, fmt="none", **bars)
        yield f"{gid}{place}", f"{label}, mean of {x.count}: {NAMES[pair[0]]} {x}, {NAMES[pair[1]]} {y}"


def draw_crosshairs(axes: Axes, models: pd.DataFrame, pair: Pair) -> None:
    """Draw dashed lines through the baseline."""
    for name, draw in zip(pair, (axes.axvline, axes.axhline), strict=True):
        spread = spread_of(baseline(models), name)
        if spread is not None:
            draw(spread.mean, color=PALE, lw=0.8, ls="--")


def draw_published(axes: Axes, models: pd.DataFrame, pair: Pair, styles: Styles) -> None:
    """Draw what was published for exactly these configurations, hollow."""
    sources: dict[str, None] = {}
    for label, rows in models.groupby("configuration", sort=False):
        known = published_for(rows.iloc[0])
        if set(pair) <= set(known):
            at = known.dropna(subset=list(pair))
            style = styles.get(str(label), {"marker": "*", "color": INK})
            axes.plot(at[pair[0]], at[pair[1]], **{**style, "ms": 9, "mfc": "none", "ls": "none"})
            sources |= dict.fromkeys(map(str, at.index))
    if sources:
        text = f"hollow: published ({', '.join(sources)})"
        axes.plot([], [], "o", ms=8, mfc="none", color=PALE, label=text)
