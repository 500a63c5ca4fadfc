"""The numbers behind a finding, taken from the test scores of models that were chosen on validation."""

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from model_guidance.report.read.reported import baseline, same_budget

PANEL = ["data", "backbone", "look"]
LOSS = "localization loss"
AT_MOST = 0.05  # loss of F1 or accuracy on validation that a chosen model may have, as a fraction


def guided(tested: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """Return the guided rows with true regions and a constant lambda that `where` is true of.

    Unless `where` says otherwise they have all boxes, undilated.
    """
    rows = tested[tested["own"] & (tested["role"] == "guided") & tested["lambda"].gt(0)]
    for name, value in ({"annotated": 1.0, "dilate": 0.0} | where).items():
        rows = rows[rows[name] == value]
    return rows


def chosen(tested: pd.DataFrame, rows: pd.DataFrame, by: str, main: str, per: Sequence[str]) -> pd.DataFrame:
    """Return, for each combination of `per` and seed, the row that is best on validation.

    Best is the highest `by` among the rows that lose at most `AT_MOST` of `main` compared with the mean of
    the baselines of their network; where all lose more there is no row.
    """
    found = []
    for _, each in rows.groupby([*per, "replicate"], sort=True):
        same = tested[_matches(tested, each.iloc[0], ["data", "backbone"]) & tested["own"]]
        starts = baseline(same[same["kind"] == "best"])
        kept = each[each[f"val {main}"] >= starts[f"val {main}"].mean() - AT_MOST]
        if len(kept):
            found.append(kept.loc[[kept[f"val {by}"].idxmax()]])
    return pd.concat(found) if found else rows.iloc[:0]


def reference(tested: pd.DataFrame, panel: Sequence[Hashable], score: str) -> float:
    """Return the mean test score, under the panel's attribution, of baselines that were trained as long."""
    row = pd.Series(dict(zip(PANEL, panel, strict=True)))
    same = tested[_matches(tested, row, PANEL[:2]) & (tested["kind"] == "best")]
    under_look = same[same["look"] == row["look"]]
    rows = same_budget(under_look)
    return float((rows if len(rows) else baseline(under_look))[score].mean())


def _matches(table: pd.DataFrame, row: "pd.Series[Any]", names: Sequence[str]) -> "pd.Series[bool]":
    return (table[list(names)] == row[list(names)]).all(axis="columns")
