"""What guidance gained and cost: one row per configuration."""

from typing import Any

import pandas as pd

from model_guidance.report.read.published import published_pair
from model_guidance.report.read.reported import ONE, same_budget
from model_guidance.report.read.roles import GUIDED
from model_guidance.report.read.score import NAMES, main_score, spread_of
from model_guidance.report.tables.table import WrittenTable

UNCHANGED = ("baseline", "baseline, continued")
GAINED = ("f1", "accuracy", "worst_group", "epg", "iou")
PUBLISHED = " Published figures are for images of 224 px."
CAPTION = (
    "Test scores in percent, mean ± standard deviation over the seeds. A guided configuration is represented "
    "by the model with the highest EPG on validation that loses at most 5 points of {main} there against the "
    "baseline, over all λ; the others by their best epoch on validation. Δ: distance to the baseline under "
    "the same attribution; where it was continued, to that one, which had as many epochs as the guided runs."
)


def overview(models: pd.DataFrame) -> WrittenTable:
    """Return the table of `reported` models."""
    main = main_score(models)
    rows = [_row(models, rows) for _, rows in models.groupby(ONE, sort=False)]
    published = any(row["published"] for row in rows)
    caption = CAPTION.format(main=NAMES[main]) + (PUBLISHED if published else "")
    return WrittenTable("overview", "What guidance gained, and what it cost", caption, pd.DataFrame(rows))


def _row(models: pd.DataFrame, rows: pd.DataFrame) -> dict[str, Any]:
    first, main, within = rows.iloc[0], main_score(models), rows[rows["representative"]]
    same = models[(models["backbone"] == first["backbone"]) & (models["look"] == first["look"])]
    reference = same_budget(same)
    shown = [main, *(name for name in NAMES if name not in ("f1", "accuracy"))]
    gained = [name for name in GAINED if name in models and first["role"] not in UNCHANGED]
    row: dict[str, Any] = {
        "backbone": first["backbone"],
        "attribution": first["look"],
        "configuration": first["configuration"],
        "seeds": f"{len(within)} of {len(rows)}" if len(within) < len(rows) else len(rows),
        "λ": lambdas(within) if first["role"] in GUIDED and len(within) else None,
    }
    row |= {NAMES[name]: spread_of(within, name) for name in shown}
    row |= {f"Δ {NAMES[name]}": None for name in GAINED if name in models}
    row |= {f"Δ {NAMES[name]}": spread_of(within, name, reference) for name in gained}
    return row | {"published": published_pair(first)}


def lambdas(rows: pd.DataFrame) -> str:
    """Return the weights of the localization loss that were chosen, such as "0.5, 1"."""
    adapted = any(
        rows.get(name, pd.Series(dtype=float)).notna().any() for name in ("target_epg", "allowed_loss")
    )
    return "adapted" if adapted else ", ".join(f"{value:g}" for value in sorted(set(rows["lambda"])))
