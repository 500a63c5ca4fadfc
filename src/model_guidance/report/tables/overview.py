"""What guidance gained and cost: one row per configuration."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from model_guidance.metrics.catalogue import SCORES, fractions
from model_guidance.report.read.published import published_pair
from model_guidance.report.read.reported import CHOSEN, LAST, ONE, same_budget
from model_guidance.report.read.roles import GUIDED
from model_guidance.report.read.score import main_score, spread_of
from model_guidance.report.tables.table import WrittenTable

TITLE = f"What guidance gained, and what it cost, {CHOSEN}"
UNCHANGED = ("baseline", "baseline, continued")
PUBLISHED = " Published figures are for images of 224 px."
CAPTION = (
    f"Test scores in percent, mean ± standard deviation over the seeds, {CHOSEN}; what is said of the runs "
    f"{LAST} stands in other tables. A guided configuration is represented "
    "by the model with the highest EPG on validation that loses at most 5 points of {main} there against the "
    "baseline, over all λ; the others by their best epoch on validation. Δ: distance to the baseline under "
    "the same attribution; where it was continued, to that one, which had as many epochs as the guided runs."
)


def overview(models: pd.DataFrame) -> WrittenTable:
    """Return the table of `reported` models."""
    main = main_score(models)
    configurations = [rows for _, rows in models.groupby(ONE, sort=False)]
    rows = [_row(models, each) for each in configurations]
    published = any(row["published"] for row in rows)
    caption = CAPTION.format(main=SCORES[main].label) + (PUBLISHED if published else "")
    cells = pd.DataFrame(rows)
    rivals = [each["role"].iloc[0] != "ceiling" for each in configurations]
    return WrittenTable("overview", TITLE, caption, cells, list(_best(cells, rivals)))


def _best(cells: pd.DataFrame, rivals: Sequence[bool]) -> Iterator[tuple[int, str]]:
    """Yield where the best mean of each score stands, among the rivals under the same attribution."""
    rivalling = cells.assign(row=range(len(cells)))[list(rivals)]
    for _, rows in rivalling.groupby(["backbone", "attribution"], sort=False):
        for score in [each for each in fractions() if each.label in rows]:
            scored = zip(rows["row"], rows[score.label], strict=True)
            means = {row: cell.mean for row, cell in scored if cell is not None}
            if len(means) > 1:
                pick = max if score.larger_is_better else min
                yield pick(means, key=means.__getitem__), score.label


def _row(models: pd.DataFrame, rows: pd.DataFrame) -> dict[str, Any]:
    first, main, within = rows.iloc[0], main_score(models), rows[rows["representative"]]
    same = models[(models["backbone"] == first["backbone"]) & (models["explainer"] == first["explainer"])]
    reference = same_budget(same, first["epochs"])
    shown = [SCORES[main], *(score for score in fractions(models) if score.name != main)]
    gained = [score for score in shown if score.gained]
    row: dict[str, Any] = {
        "backbone": first["backbone"],
        "attribution": first["explainer"],
        "configuration": first["configuration"],
        "seeds": f"{len(within)} of {len(rows)}" if len(within) < len(rows) else len(rows),
        "λ": lambdas(within) if first["role"] in GUIDED and len(within) else None,
    }
    row |= {score.label: spread_of(within, score.name) for score in shown}
    compared = first["role"] not in UNCHANGED
    row |= {
        f"Δ {score.label}": spread_of(within, score.name, reference) if compared else None for score in gained
    }
    return row | {"published": published_pair(first)}


def lambdas(rows: pd.DataFrame) -> str:
    """Return the weights of the localization loss that were chosen, such as "0.5, 1"."""
    adapted = any(
        rows.get(name, pd.Series(dtype=float)).notna().any() for name in ("target_epg", "allowed_loss")
    )
    return "adapted" if adapted else ", ".join(f"{value:g}" for value in sorted(set(rows["lambda"])))
