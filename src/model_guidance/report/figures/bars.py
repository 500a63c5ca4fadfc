"""Bars: a few numbers side by side, with their spread over seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from model_guidance.report.figures.drawing import COLOURS, PALE, Drawing, canvas, legend
from model_guidance.report.read.labels import LOSSES
from model_guidance.report.read.score import NAMES, Spread, column, main_score, members, spread_in, spread_of

Series = Mapping[str, Sequence[Spread | None]]
SETTINGS = {"annotated": "Fraction of the images with regions", "dilate": "Regions enlarged on each side by"}
HATCHES = ("", "//", "..", "xx", "\\\\", "--", "++")


def bar_drawing(name: str, title: str, places: Sequence[str], series: Series) -> Drawing:
    """Draw one group of bars per place and one bar per series in it, in percent."""
    figure, (axes,) = canvas(size=(max(4.6, 0.75 * len(places) + 1.5), 3.0))
    width = 0.8 / len(series)
    for i, (label, spreads) in enumerate(series.items()):
        at = np.arange(len(places)) + (i - (len(series) - 1) / 2) * width
        heights = [np.nan if each is None else each.mean for each in spreads]
        errors = [np.nan if each is None else each.deviation for each in spreads]
        look: Any = {
            "color": COLOURS[i % len(COLOURS)],
            "hatch": HATCHES[i % len(HATCHES)],
            "edgecolor": "white",
        }
        axes.bar(at, heights, width * 0.92, label=label, **look)
        axes.errorbar(at, heights, errors, ls="none", ecolor=PALE, elinewidth=1.2)
    axes.set_xticks(range(len(places)), [place.replace(" on ", "\non ") for place in places])
    axes.set(ylabel="%", ylim=(0, None))
    axes.grid(axis="x", visible=False)
    legend(figure)
    return Drawing(name, title, figure)


def group_bars(name: str, tested: pd.DataFrame, kind: str) -> Drawing:
    """Draw the accuracy of each group in the best or the last epoch of `tested`, per configuration.

    Of many guided configurations those with the highest EPG are drawn.
    """
    groups = members(tested, "groups")
    rows = _few(tested[tested["own"] & (tested["kind"] == kind)])
    each = rows.groupby("configuration", sort=False)
    series = {
        str(label): [
            *(spread_in(of, "groups", group, "accuracy") for group in groups),
            *(spread_of(of, score) for score in ("worst_group", "accuracy")),
        ]
        for label, of in each
    }
    places = [*groups, "worst", "overall"]
    return bar_drawing(name, f"Accuracy of each group, {kind} epoch", places, series)


def setting_bars(name: str, models: pd.DataFrame, setting: str, title: str) -> Drawing | None:
    """Draw EPG and the main score of guided `models` against a setting, per loss; None if it never varies.

    The other settings of the annotation are held at the value for which this one varies most.
    """
    guided = models[models["role"] == "guided"]
    for other in sorted(set(SETTINGS) - {setting}):
        guided = guided[guided[other] == _most_varied(guided, other, setting)]
    values = sorted(guided[setting].unique())
    if len(values) < 2:
        return None
    series = {}
    for score in [name for name in ("epg", main_score(models)) if name in models]:
        for loss, rows in guided.groupby("localization loss", sort=False):
            found = [spread_of(rows[rows[setting] == value], score) for value in values]
            series[f"{NAMES[score]}, {LOSSES.get(str(loss), loss)}"] = found
    return bar_drawing(name, title, [f"{100 * value:g} %" for value in values], series)


def _most_varied(rows: pd.DataFrame, other: str, setting: str) -> object:
    return rows.groupby(other)[setting].nunique().idxmax() if len(rows) else None


def _few(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of at most `len(COLOURS)` configurations."""
    guided = rows["role"] == "guided"
    rest = rows.loc[~guided, "configuration"].nunique()
    by = column(rows, "epg")[guided].groupby(rows["configuration"]).mean().fillna(0.0)
    best = by.nlargest(max(1, len(COLOURS) - rest))
    return rows[~guided | rows["configuration"].isin(best.index)]
