"""What is done in the process to which a part of a study was sent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from filelock import FileLock

from model_guidance.allocation import keep_freed_memory
from model_guidance.studies.planning.planned_run import PlannedRun

Explainer = tuple[str, str]  # attribution method and layer


def train(planned: PlannedRun, runs: Path) -> None:
    """Train the run in its folder below `runs`; continue it where it was interrupted."""
    from model_guidance.runs.train import train_run

    keep_freed_memory()
    with _alone(planned, runs):
        if not planned.finished(runs):
            train_run(planned.config(runs), runs / planned.key)


def add_attributions(planned: PlannedRun, runs: Path, explainers: Sequence[Explainer]) -> None:
    """Score a finished run under the attributions of others, to have something to compare them with."""
    from model_guidance.runs.devices import fabric_here
    from model_guidance.runs.folder import Run
    from model_guidance.runs.second_attribution import add_attribution

    with _alone(planned, runs):
        run = Run.open(runs / planned.key)
        for method, layer in explainers:
            add_attribution(run, method, layer, fabric_here(run.config))


def report(name: str, runs: Sequence[Path], out: Path) -> None:
    """Write the page of the study `name` about its finished runs, with the findings they are evidence of."""
    from model_guidance.report.page import write_report
    from model_guidance.studies import STUDIES
    from model_guidance.studies.findings import findings

    study = STUDIES[name]
    found = findings(runs, study.findings)
    write_report(runs, out, study.title, found, lead=f"{study.claim} ({study.source}.)")


@contextmanager
def _alone(planned: PlannedRun, runs: Path) -> Iterator[None]:
    """Keep other processes from the run's folder, and write what would be printed to `KEY.log` beside it."""
    with (
        FileLock(runs / f".{planned.key}.lock"),
        (runs / f"{planned.key}.log").open("a") as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        yield
