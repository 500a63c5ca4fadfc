"""The verdicts of a section side by side, with the figures that they rest on."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from model_guidance.metrics.repair import Repair
from model_guidance.report.read.reported import LAST
from model_guidance.report.read.score import Interval
from model_guidance.report.tables.table import WrittenTable
from model_guidance.report.verdict import Verdict

CAPTION = (
    "Each configuration beside the baseline that was trained as long, on the same test images, in "
    "percent, the mean over the seeds; in brackets the 95 % interval of a paired bootstrap over the "
    "images. Gap left: between the best and the worst group or, without groups, what replacing the "
    "outside costs. Beyond random regions: the change minus that of the same training with random "
    "regions; where its interval includes 0, random regions may have gained as much."
)


def verdict_table(found: Sequence[Verdict]) -> WrittenTable | None:
    """Return the table of a section's verdicts, one row per configuration; None unless there are several."""
    if len(found) < 2:
        return None
    cells = pd.DataFrame([_row(each) for each in found], dtype=object)
    return WrittenTable("verdicts", f"The verdicts {LAST}", CAPTION, cells)


def _row(verdict: Verdict) -> dict[str, Any]:
    first, found = verdict.rows.iloc[0], verdict.found
    row: dict[str, Any] = {"backbone": first["backbone"], "attribution": first["explainer"]}
    row |= {"configuration": first["configuration"], "seeds": verdict.seeds}
    row |= {"verdict": verdict.outcome}
    if isinstance(found, Repair):
        row |= _figure(found, found.behaviour) | _figure(found, "EPG")
        row["EPG of an even map"] = _percent(found.area)
        row["gap left"] = Interval.of(found.gap, signed=False)
        control = verdict.control
        row["beyond random regions"] = Interval.of(control.change, signed=True) if control else None
    return row


def _figure(found: Repair, name: str) -> dict[str, Any]:
    if name not in found.figures:
        return {}
    before, after, change = found.figures[name]
    shown = {"before": _percent(before), "after": _percent(after), "change": Interval.of(change, signed=True)}
    return {f"{name} {part}": value for part, value in shown.items()}


def _percent(fraction: float) -> float:
    return round(100 * fraction, 1)
