"""The numbers behind a finding, taken from the test scores of models that were chosen on validation."""

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from model_guidance.report.read.reported import baseline, same_budget
from model_guidance.selection import ALLOWED_LOSS, representative

PANEL = ["data", "backbone", "explainer"]
LOSS = "localization loss"


def guided(tested: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """Return the guided rows with true regions and a constant lambda that `where` is true of.

    Unless `where` says otherwise they have all boxes, undilated.
    """
    rows = tested[tested["own"] & (tested["role"] == "guided") & tested["lambda"].gt(0)]
    for name, value in ({"annotated": 1.0, "dilate": 0.0} | where).items():
        rows = rows[rows[name] == value]
    return rows


def representatives(
    tested: pd.DataFrame,
    rows: pd.DataFrame,
    by: str,
    main: str,
    per: Sequence[str],
    at_most: float = ALLOWED_LOSS,
) -> pd.DataFrame:
    """Return, for each combination of `per` and seed, the row that represents it, by its validation scores.

    That is the one with the highest `by` whose `main` is worse by `at_most` than the mean of the baselines of
    its network, or less, see `selection.representative`; where all are worse there is no row.
    """
    found = []
    for _, each in rows.groupby([*per, "replicate"], sort=True):
        same = tested[_matches(tested, each.iloc[0], ["data", "backbone"]) & tested["own"]]
        starts = baseline(same[same["kind"] == "best"])
        best = representative(_column(each, main), _column(each, by), starts[f"val {main}"].mean(), at_most)
        found += [] if best is None else [each.iloc[[best]]]
    return pd.concat(found) if found else rows.iloc[:0]


def reference(tested: pd.DataFrame, panel: Sequence[Hashable], score: str) -> float:
    """Return the mean test score, under the panel's attribution, of baselines that were trained as long."""
    row = pd.Series(dict(zip(PANEL, panel, strict=True)))
    same = tested[_matches(tested, row, PANEL[:2]) & (tested["kind"] == "best")]
    under_explainer = same[same["explainer"] == row["explainer"]]
    rows = same_budget(under_explainer)
    return float((rows if len(rows) else baseline(under_explainer))[score].mean())


def _column(rows: pd.DataFrame, score: str) -> Tensor:
    return torch.tensor(rows[f"val {score}"].to_numpy(dtype=float))


def _matches(table: pd.DataFrame, row: "pd.Series[Any]", names: Sequence[str]) -> "pd.Series[bool]":
    return (table[list(names)] == row[list(names)]).all(axis="columns")
