"""Accuracy group by group, for data with groups: the best epoch on validation and the last one."""

from collections.abc import Hashable
from typing import Any

import pandas as pd

from model_guidance.report.read.reported import CHOSEN, LAST, ONE, in_order
from model_guidance.report.read.score import members, spread_in, spread_of
from model_guidance.report.tables.table import WrittenTable

CAPTION = (
    f"Test accuracy in percent, mean ± standard deviation over the runs; best: {CHOSEN}, last: {LAST}. Where "
    "validation resembles training, the epoch that it chose hides what guidance does, so both are shown."
)


def group_table(table: pd.DataFrame, models: pd.DataFrame) -> WrittenTable | None:
    """Return the table of the runs of the `models` that were reported; None for data without groups."""
    groups = members(table, "groups")
    if not groups:
        return None
    tested = table[table["own"] & table["run"].isin(models["run"]) & table["kind"].isin(["best", "last"])]
    rows = [_row(key, rows, groups) for key, rows in in_order(tested).groupby([*ONE, "kind"], sort=False)]
    return WrittenTable("groups", "Accuracy of each group", CAPTION, pd.DataFrame(rows))


WHOLE = {"worst_group": "worst", "accuracy": "overall", "adjusted_accuracy": "adjusted"}


def _row(key: tuple[Hashable, ...], rows: pd.DataFrame, groups: list[str]) -> dict[str, Any]:
    backbone, explainer, _, configuration, kind = key
    start = {"backbone": backbone, "attribution": explainer, "configuration": configuration, "epoch": kind}
    whole = {label: spread_of(rows, name) for name, label in WHOLE.items()}
    of_groups = {name: spread_in(rows, "groups", name, "accuracy") for name in groups}
    return {**start, "runs": len(rows), **whole, **of_groups}
