"""Accuracy of each group, per configuration."""

import pandas as pd

from model_guidance.report.figures.bars import bar_drawing
from model_guidance.report.figures.drawing import Drawing
from model_guidance.report.figures.style import COLOURS
from model_guidance.report.read.score import column, members, spread_in, spread_of


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
    return bar_drawing(name, f"Accuracy of each group, {kind} epoch", places, {"accuracy": series})


def _few(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of at most `len(COLOURS)` configurations."""
    guided = rows["role"] == "guided"
    rest = rows.loc[~guided, "configuration"].nunique()
    by = column(rows, "epg")[guided].groupby(rows["configuration"]).mean().fillna(0.0)
    best = by.nlargest(max(1, len(COLOURS) - rest))
    return rows[~guided | rows["configuration"].isin(best.index)]
