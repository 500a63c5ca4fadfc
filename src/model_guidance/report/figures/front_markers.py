"""The marks of a front's figure that stand for more than one checkpoint, or for none of these runs."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from model_guidance.report.figures.style import INK, PALE, SHADE, Styles, lightened
from model_guidance.report.read.published import published_for
from model_guidance.report.read.reported import baseline, budget
from model_guidance.report.read.roles import GUIDED, ROLES, Role
from model_guidance.report.read.score import NAMES, spread_of

Pair = tuple[str, str]
GREY: Mapping[str, Any] = {"color": PALE, "ms": 10}
UNGUIDED: Mapping[str, Mapping[str, Any]] = {
    "baseline": {"marker": "*", "ms": 13, "color": INK},
    "baseline, continued": {"marker": "*", **GREY},
    "weighted": {"marker": "X", **GREY},
    "ceiling": {"marker": "p", **GREY},
}
AGAIN = ("h", "d", "8", "<", ">", "H")  # marks of the second configuration of such a role, and so on


def in_figures(rows: pd.DataFrame) -> list[str]:
    """Return the configurations in the order of legends: by role, each control beside what it controls."""
    named = rows[["role", "configuration"]].drop_duplicates().itertuples(index=False)
    return [label for _, label in sorted(named, key=lambda each: (_rank(each[0]), _natural(each[1])))]


def _rank(role: Role) -> int:
    return ROLES.index("guided" if role in GUIDED else role)


def _natural(label: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", label.lower())]


def model_marks(models: pd.DataFrame, styles: Styles) -> dict[str, dict[str, Any]]:
    """Return the mark of each configuration: ringed for guided ones, for others by role, no two alike."""
    found: dict[str, dict[str, Any]] = {}
    seen: dict[str, int] = {}
    for label in in_figures(models):
        role = models.loc[models["configuration"] == label, "role"].iloc[0]
        mark: dict[str, Any] = {"ms": 8, **styles.get(label, {})}
        if role not in GUIDED:
            place = seen[role] = seen.get(role, -1) + 1
            mark = {**UNGUIDED[role], "color": lightened(UNGUIDED[role]["color"], min(5, place) * SHADE)}
            mark |= {"marker": AGAIN[place % len(AGAIN)]} if place else {}
        ring = {"mec": INK, "mew": 1.4} if role in GUIDED else {}
        found[label] = {**mark, **ring, "ls": "none"}
    return found


def draw_models(
    axes: Axes, models: pd.DataFrame, pair: Pair, styles: Styles, gid: str
) -> Iterator[tuple[str, str]]:
    """Draw the mean of each configuration's reported models, and the spread of guided ones, over seeds.

    Yields the gid of each mark and what hovering over it says.
    """
    marks = model_marks(models, styles)
    for place, label in enumerate(in_figures(models)):
        rows = models[models["configuration"] == label]
        role = rows["role"].iloc[0]
        x, y = (spread_of(rows, name) for name in pair)
        if x is None or y is None:
            continue
        axes.plot(x.mean, y.mean, zorder=5, label=label, gid=f"{gid}{place}", **marks[label])
        if role in GUIDED and x.count > 1:
            bars: Any = {"ecolor": INK, "lw": 1, "capsize": 2, "zorder": 4}
            axes.errorbar(x.mean, y.mean, y.deviation, x.deviation, fmt="none", **bars)
        yield f"{gid}{place}", f"{label}, mean of {x.count}: {NAMES[pair[0]]} {x}, {NAMES[pair[1]]} {y}"


def draw_crosshairs(axes: Axes, models: pd.DataFrame, pair: Pair) -> None:
    """Draw dashed lines through the baseline; of several, that with as many epochs as guided models."""
    guided = models[models["role"].isin(GUIDED)]
    reference = baseline(models, budget(guided))
    for name, draw in zip(pair, (axes.axvline, axes.axhline), strict=True):
        spread = spread_of(reference, name)
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
