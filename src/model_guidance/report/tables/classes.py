"""Scores of each class: who pays for guidance, and who gains."""

from typing import Any

import pandas as pd

from model_guidance.metrics.catalogue import SCORES
from model_guidance.report.read.reported import LAST, budget
from model_guidance.report.read.score import members, spread_in
from model_guidance.report.tables.controls import under_baseline
from model_guidance.report.tables.table import WrittenTable

CAPTION = f"Test scores of each class {LAST}, in percent, mean ± standard deviation over the runs."


def class_table(last: pd.DataFrame, backbone: str, explainer: str, name: str) -> WrittenTable | None:
    """Return the table for one panel of `last_epochs`; None if the runs hold no scores of classes."""
    classes = members(last, "classes")
    guided = last[last["own"] & (last["role"] == "guided") & (last["explainer"] == explainer)]
    guided = guided[guided["backbone"] == backbone]
    columns = {"baseline": under_baseline(last, backbone, explainer, budget(guided))}
    columns |= {str(label): rows for label, rows in guided.groupby("configuration", sort=False)}
    if not classes or guided.empty:
        return None
    cells = pd.DataFrame([_row(each, columns) for each in classes])
    return WrittenTable(f"classes-{name}", f"Class by class: {backbone}, {explainer}", CAPTION, cells)


def _row(of: str, columns: dict[str, pd.DataFrame]) -> dict[str, Any]:
    row: dict[str, Any] = {"class": of}
    for score in SCORES.values():
        if score.per_class:
            for name, rows in columns.items():
                row[f"{score.label}, {name}"] = spread_in(rows, "classes", of, score.name)
    return row
