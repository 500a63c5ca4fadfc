"""What each way of training needed, beside what it reached: the table of `model-guidance compare`."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from model_guidance.attribution.integrated_gradients import STEPS
from model_guidance.metrics.catalogue import SCORES
from model_guidance.report.read.reported import LAST, ONE
from model_guidance.report.read.results import Results
from model_guidance.report.read.score import main_score, spread_of
from model_guidance.report.tables.table import WrittenTable
from model_guidance.runs.folder import Run
from model_guidance.runs.history import Cost, read_cost
from model_guidance.runs.start import started_from

TITLE = "What each way of training needed"
CAPTION = (
    f"Mean ± standard deviation over the seeds, scores {LAST}, in percent. Labels, regions and groups: of "
    "how many training images they were used. Epochs: also those of the runs it started from. Seconds: of "
    "the training steps of the last of these runs, as measured on the machine that trained it; scoring, and "
    "computing features that are kept, is left aside. Passes, of the same steps, in thousands: of an image "
    f"through what is trained and back, one to classify it, one more to explain it ({STEPS} with IntGrad, "
    "unless the network is an X-DNN). –: an earlier version did not record it."
)
COUNTS = {"labels": "images", "regions": "annotated", "groups": "grouped"}


def needs_table(results: Results, last: pd.DataFrame) -> WrittenTable:
    """Return the table of `last_epochs`: one row per configuration, under its own attribution."""
    own = last[last["own"]]
    rows = [_row(results, rows) for _, rows in own.groupby(ONE, sort=False)]
    return WrittenTable("needs", TITLE, CAPTION, pd.DataFrame(rows, dtype=object))


def _row(results: Results, rows: pd.DataFrame) -> dict[str, Any]:
    first, runs = rows.iloc[0], [results.runs[name] for name in rows["run"]]
    costs = [read_cost(run.folder) for run in runs]
    row: dict[str, Any] = {name: first[name] for name in ("backbone", "configuration")}
    row |= {"attribution": first["explainer"], "runs": len(rows)}
    row |= {label: _alike(costs, name) for label, name in COUNTS.items()}
    row |= {"epochs": ", ".join(sorted({str(_epochs(run)) for run in runs}))}
    seconds = [cost.seconds for cost in costs if cost is not None and cost.seconds is not None]
    row["seconds"] = f"{sum(seconds) / len(seconds):.0f}" if seconds else None
    passes = [cost.passes for cost in costs if cost is not None and cost.passes is not None]
    row["passes"] = f"{sum(passes) / len(passes) / 1000:.1f}" if passes else None
    shown = (main_score(rows), "worst_group", "epg")
    return row | {SCORES[name].label: spread_of(rows, name) for name in shown if name in rows}


def _alike(costs: Sequence[Cost | None], name: str) -> str | None:
    """Return a count, or the least and the most of them."""
    found = sorted({getattr(cost, name) for cost in costs if cost is not None} - {None})
    return " to ".join(str(each) for each in dict.fromkeys((found[0], found[-1]))) if found else None


def _epochs(run: Run) -> int:
    """Return the epochs of a run and of those that it started from, as far as they are still there."""
    chain = {run.folder.resolve(): run}
    start = started_from(run)
    while start is not None and start.folder.resolve() not in chain:
        chain[start.folder.resolve()] = start
        start = started_from(start)
    return sum(each.config.epochs for each in chain.values())
