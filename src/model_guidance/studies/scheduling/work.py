"""What is done in the process to which a part of a study was sent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from filelock import FileLock

from model_guidance.studies.planning.planned_run import Job

Look = tuple[str, str]  # attribution method and layer


def train(job: Job, runs: Path) -> None:
    """Train the job in its folder below `runs`; continue it where it was interrupted."""
    from model_guidance.runs.train import train_run

    with _alone(job, runs):
        if not job.finished(runs):
            train_run(job.config(runs), runs / job.key)


def look_at(job: Job, runs: Path, looks: Sequence[Look]) -> None:
    """Score a finished job under the attributions of others, to have something to compare them with."""
    from model_guidance.runs.folder import Run
    from model_guidance.runs.second_attribution import look
    from model_guidance.runs.setup import fabric_of

    with _alone(job, runs):
        run = Run.open(runs / job.key)
        for method, layer in looks:
            look(run, method, layer, fabric_of(run.config))


def report(name: str, runs: Sequence[Path], out: Path) -> None:
    """Write the page of the study `name` about its finished runs."""
    from model_guidance.report.page import write_report
    from model_guidance.studies import STUDIES

    study = STUDIES[name]
    write_report(runs, out, study.title, lead=f"{study.claim} ({study.source}.)")


@contextmanager
def _alone(job: Job, runs: Path) -> Iterator[None]:
    """Keep other processes from the job's folder, and write what would be printed to `KEY.log` beside it."""
    with (
        FileLock(runs / f".{job.key}.lock"),
        (runs / f"{job.key}.log").open("a") as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        yield
