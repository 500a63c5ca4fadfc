"""Running one job of a study, in whatever process it was sent to."""

from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from filelock import FileLock

from model_guidance.studies.job import Job


def execute(job: Job, runs: Path) -> None:
    """Train the job in its folder below `runs`, unless that is done; continue it where it was interrupted.

    Then look at the run that it started from under the same attributions, to have something to compare
    with. What would be printed goes to `KEY.log` beside the folder. Two processes with the same job do not
    disturb each other: the second waits and finds it done.
    """
    from model_guidance.looks import second_look
    from model_guidance.run import train_run

    config = job.config(runs)
    with (
        FileLock(runs / f".{job.key}.lock"),
        (runs / f"{job.key}.log").open("a") as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        if not job.finished(runs):
            train_run(config, runs / job.key)
    if job.start:
        for method, layer in ((config.attribution, config.layer), second_look(config)):
            _look(job.start, runs, method, layer)


def _look(job: Job, runs: Path, method: str, layer: str) -> None:
    from model_guidance.job import fabric_of
    from model_guidance.looks import look
    from model_guidance.training.folder import Run

    run = Run.open(runs / job.key)
    if (method, layer) != (run.config.attribution, run.config.layer):
        with FileLock(runs / f".{job.key}.lock"):
            look(run, method, layer, fabric_of(run.config))
