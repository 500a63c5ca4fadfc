"""The plan of a study, printed before anything runs: what it is about, how many runs, what is left."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from rich import box
from rich.table import Table

from model_guidance.report.read.roles import role
from model_guidance.report.tables.text import rendered
from model_guidance.studies.planning.planned_run import PlannedRun
from model_guidance.studies.planning.study import Study
from model_guidance.training.config import Config


def announcement(name: str, study: Study, planned: Sequence[PlannedRun]) -> str:
    """Say what is run here, and beside it what the paper did and found: they need not be the same."""
    configs = [run.config(Path()) for run in planned]
    guided = [config for config in configs if config.guided]
    here = [
        _listed(_data(config) for config in configs),
        _listed(config.backbone for config in configs),
        _listed(config.explainer for config in guided),
        _listed(config.loss for config in guided),
    ]
    return (
        f"{name}: {study.title}\n"
        f"  here: {'; '.join(here)} ({len(planned)} runs)\n"
        f"  published: {study.source}: {study.claim}"
    )


def plan_table(planned: Sequence[PlannedRun], runs: Path) -> str:
    """Return a table with a row for each kind of run; times are estimates for one device at a time."""
    table = Table("data", "network", "maps", "run", "runs", "finished", "time left", box=box.SIMPLE_HEAD)
    for column in table.columns[4:]:
        column.justify = "right"
    for row, same in groupby(sorted(planned, key=_row), key=_row):
        table.add_row(*row, *_counts(list(same), runs))
    features = features_left(planned, runs)
    for run in features:
        config = run.config(Path())
        what = f"features at {config.frozen}, once for all"
        table.add_row(_data(config), config.backbone, "", what, "", "", _time(run.feature_hours))
    table.add_section()
    more = sum(run.feature_hours for run in features)
    table.add_row("all", "", "", "", *_counts(planned, runs, more))
    return rendered(table)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _data(config: Config) -> str:
    kind = config.options.get("task") or config.options.get("labels")
    return " ".join(filter(None, (config.data, kind)))


def _row(run: PlannedRun) -> tuple[str, str, str, str]:
    config = run.config(Path())
    by = [config.loss] * config.guided + ["composites"] * bool(config.composites)
    details = [" + ".join(by) or f"{role(config)} ({config.epochs} epochs)"]
    details += [f"filler {config.filler}"] if config.filler != "swap" else []
    details += [config.regions] if config.regions != "boxes" else []
    details += [f"{100 * config.annotated:g} % of the boxes"] if config.annotated < 1 else []
    details += [f"boxes +{100 * config.dilate:g} %"] if config.dilate else []
    details += ["lambda adapted"] if config.guided and not config.lambda_ else []
    return _data(config), config.backbone, config.explainer, ", ".join(details)


def features_left(planned: Sequence[PlannedRun], runs: Path) -> Sequence[PlannedRun]:
    """Return one run for each set of kept features that no finished run has used yet."""
    kept = {run.features for run in planned if run.finished(runs)}
    return list({run.features: run for run in planned if run.features not in {None, *kept}}.values())


def _counts(planned: Sequence[PlannedRun], runs: Path, more: float = 0.0) -> tuple[str, str, str]:
    left = [run for run in planned if not run.finished(runs)]
    return str(len(planned)), str(len(planned) - len(left)), _time(sum(run.hours for run in left) + more)


def _time(hours: float) -> str:
    """Return a time in hours, minutes or seconds; never 0 while work is left."""
    if hours >= 10:
        return f"{hours:.0f} h"
    if hours >= 2:
        return f"{hours:.1f} h"
    if hours >= 2 / 60:
        return f"{60 * hours:.0f} min"
    return f"{math.ceil(3600 * hours)} s"
