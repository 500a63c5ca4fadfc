"""Does the behaviour follow the map? A second attribution, and images with replaced pixels."""

from typing import Any

import pandas as pd

from model_guidance.metrics.catalogue import SCORES
from model_guidance.report.read.reported import LAST, ONE, in_order, same_budget
from model_guidance.report.read.score import main_score, spread_of
from model_guidance.report.tables.table import WrittenTable

TITLE = f"Does the behaviour follow the map {LAST}?"
CAPTION = (
    f"The reported runs {LAST}, the baseline too, in percent, mean ± standard deviation. Each "
    "EPG stands beside that of the (continued) baseline under the same attribution; the "
    "second attribution shows the same models by maps that no run was trained on. “Outside "
    "replaced”: {main} when all pixels outside of the regions are set to their mean colour, on the test "
    "images with a region, at most --reliance_images of them; the reliance gap is what is lost by that."
)
REPLACED = {"intact": "intact", "outside mean": "outside replaced", "inside mean": "inside replaced"}


def last_epochs(table: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """Return the last checkpoints of the reported runs under all explainers, with their `reliance gap`."""
    last = table[(table["kind"] == "last") & table["run"].isin(models["run"])]
    if {"intact", "outside mean"} <= set(last):
        last = last.assign(**{"reliance gap": last["intact"] - last["outside mean"]})
    return in_order(last).reset_index(drop=True)


def controls(last: pd.DataFrame) -> WrittenTable:
    """Return the table of `last_epochs`: one row per configuration."""
    own = last[last["own"]]
    rows = [_row(last, rows) for _, rows in own.groupby(ONE, sort=False)]
    caption = CAPTION.format(main=SCORES[main_score(last)].label)
    return WrittenTable("controls", TITLE, caption, pd.DataFrame(rows))


def under_baseline(
    last: pd.DataFrame, backbone: str, explainer: str, epochs: int | None = None
) -> pd.DataFrame:
    """Return the last checkpoints, of the baseline with the guided runs' budget, under an explainer."""
    return same_budget(last[(last["backbone"] == backbone) & (last["explainer"] == explainer)], epochs)


def other_explainers(last: pd.DataFrame, runs: pd.Series) -> pd.DataFrame:
    """Return the rows of these runs under attributions that they were not trained with."""
    return last[last["run"].isin(runs) & ~last["own"]]


def _row(last: pd.DataFrame, rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    row: dict[str, Any] = {name: first[name] for name in ("backbone", "configuration")}
    row |= {"runs": len(rows), "attribution": first["explainer"]} | _epg(last, rows, "")
    if first["role"] in ("guided", "random regions"):
        for explainer, others in other_explainers(last, rows["run"]).groupby("explainer", sort=False):
            row |= {"second attribution": explainer} | _epg(last, others, "second ")
    scores = {**REPLACED, "reliance gap": "reliance gap", "worst_group": SCORES["worst_group"].label}
    return row | {label: spread_of(rows, name) for name, label in scores.items()}


def _epg(last: pd.DataFrame, rows: pd.DataFrame, prefix: str) -> dict[str, Any]:
    first = rows.iloc[0]
    reference = under_baseline(last, first["backbone"], first["explainer"], first["epochs"])
    return {
        f"{prefix}EPG": spread_of(rows, "epg"),
        f"{prefix}EPG of the baseline": spread_of(reference, "epg"),
    }
