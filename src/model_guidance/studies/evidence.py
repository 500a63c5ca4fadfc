"""The numbers behind a finding, taken from the test scores of models that were chosen on validation."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from model_guidance.report.chosen import baseline

PANEL = ["data", "backbone", "look"]
LOSS = "localization loss"
AT_MOST = 0.05  # loss of F1 or accuracy on validation that a chosen model may have, as a fraction


def comparable(tested: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that may be compared: of each data set, those of the setting that has most of them.

    A setting is the data's options, the reduction of the loss, and the budget (batch size and epochs), for
    which there is a column `budget`; runs with others belong to studies with questions of their own. A
    baseline's reduction and budget are free.
    """
    budget = "batch " + tested["batch"].astype(str) + ", " + tested["epochs"].astype(str) + " epochs"
    rows = tested.assign(given=[_options(each) for each in tested["options"]], budget=budget)
    setting = ["given", "reduction", "budget"]
    kept = []
    for _, same in rows.groupby("data", sort=False):
        own = same[same["role"] == "guided"]
        usual = own[setting].value_counts().index[0] if len(own) else tuple(same[setting].iloc[0])
        trained = (same[setting] == list(usual)).all(axis="columns")
        kept.append(same[trained | ((same["given"] == usual[0]) & (same["role"] != "guided"))])
    return pd.concat(kept) if kept else rows


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(options.items()) if key != "seed")


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
    """Return the mean test score, under the panel's attribution, of baselines that were trained as long.

    Where no baseline was continued for as many epochs it is that of the plain ones, and NaN without any.
    """
    row = pd.Series(dict(zip(PANEL, panel, strict=True)))
    same = tested[_matches(tested, row, PANEL) & (tested["kind"] == "best")]
    budgets = tested.loc[tested["role"] == "guided", "budget"]
    as_long = same[same["budget"].isin(budgets) & (same["role"] == "baseline, continued")]
    return float((baseline(same) if as_long.empty else as_long)[score].mean())


def _matches(table: pd.DataFrame, row: "pd.Series[Any]", names: Sequence[str]) -> "pd.Series[bool]":
    return (table[list(names)] == row[list(names)]).all(axis="columns")
