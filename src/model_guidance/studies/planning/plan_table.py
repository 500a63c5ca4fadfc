"""The plan of a study, printed before anything runs: how many jobs, how many are done, what is left."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich import box
from rich.table import Table

from model_guidance.report.read.roles import role
from model_guidance.report.tables.text import rendered
from model_guidance.studies.planning.planned_run import Job


def plan(jobs: Sequence[Job], runs: Path) -> str:
    """Return a table with a row for each kind of job; hours are estimates for one device at a time."""
    table = Table("data", "network", "maps", "job", "runs", "finished", "hours left", box=box.SIMPLE_HEAD)
    for column in table.columns[4:]:
        column.justify = "right"
    for row, same in groupby(sorted(jobs, key=_row), key=_row):
        group = list(same)
        table.add_row(*row, *_counts(group, runs))
    table.add_section()
    table.add_row("all", "", "", "", *_counts(jobs, runs))
    return rendered(table)


def _row(job: Job) -> tuple[str, str, str, str]:
    config = job.config(Path())
    task = config.options.get("task") or config.options.get("labels")
    details = [config.loss if config.guided else role(config)]
    details += [config.regions] if config.regions != "boxes" else []
    details += [f"{100 * config.annotated:g} % of the boxes"] if config.annotated < 1 else []
    details += [f"boxes +{100 * config.dilate:g} %"] if config.dilate else []
    details += ["lambda adapted"] if config.guided and not config.lambda_ else []
    return " ".join(filter(None, (config.data, task))), config.backbone, config.look, ", ".join(details)


def _counts(jobs: Sequence[Job], runs: Path) -> tuple[str, str, str]:
    open_jobs = [job for job in jobs if not job.finished(runs)]
    hours = sum(job.hours for job in open_jobs)
    return str(len(jobs)), str(len(jobs) - len(open_jobs)), f"{hours:.2f}" if hours < 10 else f"{hours:.0f}"
