"""How training went: validation scores, and lambda where it was adapted, epoch by epoch."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from model_guidance.report.figures.drawing import INK, Drawing, Styles, canvas, legend
from model_guidance.report.read.roles import GUIDED
from model_guidance.report.read.score import NAMES, main_score

FAINT = 12  # with more runs than this in one panel, their lines are thinner


def curve_drawing(name: str, epochs: pd.DataFrame, looks: Styles) -> Drawing:
    """Draw one line per run of one panel's `epochs`, coloured by configuration; baselines are dashed."""
    shown = [score for score in (main_score(epochs), "epg") if score in epochs]
    guided = epochs[epochs["role"].isin(GUIDED)]
    if guided.groupby("run")["lambda"].nunique().gt(1).any():
        shown.append("lambda")
    figure, axes = canvas(len(shown), (4.6, 0.4 + 1.45 * len(shown)))
    marked: Styles = {label: {**looks[label], "ms": 3} for label in guided["configuration"].unique()}
    tips: dict[str, Sequence[str]] = {}
    for place, (run, rows) in enumerate(epochs.groupby("run", sort=False)):
        label = rows["configuration"].iloc[0]
        style = marked.get(label, {"color": INK, "ls": "--"})
        for score, each in zip(shown, axes, strict=True):
            tips[f"curve{place}{score}"] = [f"{run}: {label}, seed {rows['replicate'].iloc[0]}"]
            _line(each, rows, score, {**style, "gid": f"curve{place}{score}"}, epochs["run"].nunique())
    for score, each in zip(shown, axes, strict=True):
        each.set_ylabel("λ" if score == "lambda" else f"{NAMES[score]}, %")
    axes[-1].set_xlabel("epoch (scores on validation)")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes[0], marked)
    legend(figure)
    return Drawing(name, "Epoch by epoch", figure, tips)


def _line(axes: Axes, rows: pd.DataFrame, score: str, style: dict[str, Any], runs: int) -> None:
    factor = 1 if score == "lambda" else 100
    axes.plot(rows["epoch"], factor * rows[score], lw=0.7 if runs > FAINT else 1.2, alpha=0.8, **style)


def _legend(axes: Axes, marked: Styles) -> None:
    for label, style in marked.items():
        axes.plot([], [], label=label, **style)
    axes.plot([], [], color=INK, ls="--", label="not guided")
