"""How training went: validation scores, and lambda where it was adapted, epoch by epoch."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from model_guidance.report.figures.drawing import Drawing
from model_guidance.report.figures.front_markers import in_figures
from model_guidance.report.figures.style import INK, Styles, canvas, legend
from model_guidance.report.read.roles import GUIDED
from model_guidance.report.read.score import NAMES, main_score

UNGUIDED: dict[str, Any] = {"color": INK, "ls": ":"}
FAINT = 12  # with more runs than this in one panel, their lines are thinner


def curve_drawing(name: str, epochs: pd.DataFrame, styles: Styles) -> Drawing:
    """Draw one line per run of one panel's `epochs`, in the style of its configuration.

    Runs that were not guided and were trained for longer than any guided one are a level, their last epoch.
    """
    shown = [score for score in (main_score(epochs), "epg") if score in epochs]
    guided = epochs[epochs["role"].isin(GUIDED)]
    if guided.groupby("run")["lambda"].nunique().gt(1).any():
        shown.append("lambda")
    figure, grid = canvas(len(shown), (4.6, 0.4 + 1.45 * len(shown)))
    axes = [line[0] for line in grid]
    last = guided["epoch"].max() if len(guided) else epochs["epoch"].max()
    tips: dict[str, Sequence[str]] = {}
    for place, (run, rows) in enumerate(epochs.groupby("run", sort=False)):
        label = rows["configuration"].iloc[0]
        width = {"lw": 0.6 if epochs["run"].nunique() > FAINT else 1.2}
        for score, each in zip(shown, axes, strict=True):
            gid = f"curve{place}{score}"
            tips[gid] = [f"{run}: {label}, seed {rows['replicate'].iloc[0]}"]
            style = {key: value for key, value in styles.get(label, UNGUIDED).items() if key != "marker"}
            _line(each, rows, score, last, {**style, **width, "gid": gid})
    for score, each in zip(shown, axes, strict=True):
        each.set_ylabel("λ" if score == "lambda" else f"{NAMES[score]}, %")
    axes[-1].set_xlabel("epoch (scores on validation)")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes[0], {label: styles[label] for label in in_figures(guided)}, epochs, last)
    legend(figure)
    return Drawing(name, "Epoch by epoch", figure, tips)


def _line(axes: Axes, rows: pd.DataFrame, score: str, last: int, style: dict[str, Any]) -> None:
    values = (1 if score == "lambda" else 100) * rows[score]
    if rows["epoch"].max() > last:
        axes.axhline(values.iloc[-1], alpha=0.8, **style)
    else:
        axes.plot(rows["epoch"], values, alpha=0.8, **style)


def _legend(axes: Axes, guided: Styles, epochs: pd.DataFrame, last: int) -> None:
    for label, style in guided.items():
        axes.plot([], [], label=label, **{**style, "marker": None})
    rest = epochs[~epochs["role"].isin(GUIDED)]
    if len(rest):
        level = f" (level: epoch {rest['epoch'].max():g})" if rest["epoch"].max() > last else ""
        axes.plot([], [], label=f"not guided{level}", **UNGUIDED)
