"""Accuracy group by group, for data with groups: the best epoch on validation and the last one."""

from collections.abc import Hashable
from typing import Any

import pandas as pd

from model_guidance.report.read.published import published_groups
from model_guidance.report.read.reported import CHOSEN, LAST, ONE, in_order
from model_guidance.report.read.roles import GUIDED, SCRATCH
from model_guidance.report.read.score import Spread, members, spread_in, spread_of
from model_guidance.report.tables.overview import lambdas
from model_guidance.report.tables.table import WrittenTable

CAPTION = (
    f"Test accuracy in percent, mean ± standard deviation over the runs; best: {CHOSEN}, last: {LAST}. Where "
    "validation resembles training, neither the epoch nor the λ that it would choose can be trusted, so both "
    "epochs and every λ are shown. Overall: over all test images."
)
ADJUSTED = " Adjusted: the groups’ accuracies weighted by their shares of the training set."
PUBLISHED = (
    " Published figures have their source in brackets: the paper’s are of ResNets at 224 px, the mean of 4 "
    "runs (2 for baselines), in the epoch that validation chose; the sources say how others were chosen."
)
OTHER_NETWORK = (
    " None of them is of a network that was trained here: what guidance changes can be compared, the figures "
    "themselves cannot."
)


def group_table(table: pd.DataFrame, models: pd.DataFrame) -> WrittenTable | None:
    """Return the table of all runs, a row for each λ; None for data without groups.

    The `models` that were reported say what was published for such runs.
    """
    groups = members(table, "groups")
    if not groups:
        return None
    tested = in_order(table[table["own"] & table["kind"].isin(["best", "last"])])
    rows = [_row(key, rows, groups) for key, rows in tested.groupby([*ONE, "lambda", "kind"], sort=False)]
    known = _published(models)
    caption = CAPTION + (ADJUSTED if "adjusted_accuracy" in tested else "") + (PUBLISHED if known else "")
    if known and not {row["backbone"] for row in known} & set(tested["backbone"]):
        caption += OTHER_NETWORK
    return WrittenTable(
        "groups", "Accuracy of each group", caption, pd.DataFrame([*rows, *known], dtype=object)
    )


def _published(models: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return the rows of what was published for the same data; their runs are not ours to count."""
    pretrained = models[models["start"] != SCRATCH]
    if pretrained.empty:
        return []
    rows = published_groups(pretrained.iloc[0])
    scores = [name for name in WHOLE if name in rows]
    spreads = rows[scores].map(lambda value: Spread.of([value / 100]))
    return rows.assign(**spreads).rename(columns=WHOLE).to_dict("records")


WHOLE = {"worst_group": "worst", "accuracy": "overall", "adjusted_accuracy": "adjusted"}


def _row(key: tuple[Hashable, ...], rows: pd.DataFrame, groups: list[str]) -> dict[str, Any]:
    backbone, explainer, role, configuration, _, kind = key
    start = {"backbone": backbone, "attribution": explainer, "configuration": configuration}
    start |= {"λ": lambdas(rows) if role in GUIDED else None, "epoch": kind}
    whole = {label: spread_of(rows, name) for name, label in WHOLE.items()}
    row = {**start, "runs": len(rows), **whole}
    return row | {
        f"group {name}" if name in row else name: spread_in(rows, "groups", name, "accuracy")
        for name in groups
    }
