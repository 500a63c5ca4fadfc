"""The parts of a study that can run by themselves, and what each must wait for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_guidance.runs.folder import LOOKS
from model_guidance.studies.planning.planned_run import Job
from model_guidance.studies.scheduling.work import Look, look_at, train
from model_guidance.training.config import Config


@dataclass(frozen=True)
class Task:
    """One call, `function(*arguments)`, to be made after the task called `after` has succeeded."""

    name: str
    after: str | None
    function: Callable[..., None]
    arguments: tuple[Any, ...]
    finished: bool


def tasks(jobs: Sequence[Job], runs: Path) -> list[Task]:
    """Return a training for each job, and a look at each baseline under all that guided ones are shown in."""
    trainings = [
        Task(job.key, job.start.key if job.start else None, train, (job, runs), job.finished(runs))
        for job in jobs
    ]
    baselines = [job for job in jobs if not job.config(runs).guided]
    return trainings + [_look(job, _looks(job, jobs, runs), runs) for job in baselines]


def _look(job: Job, looks: Sequence[Look], runs: Path) -> Task:
    there = all((runs / job.key / LOOKS / f"{method}@{layer}.json").is_file() for method, layer in looks)
    return Task(f"{job.key}, looked at", job.key, look_at, (job, runs, looks), there)


def _looks(baseline: Job, jobs: Sequence[Job], runs: Path) -> list[Look]:
    """Return the attributions of all guided jobs on the same network and data, and their second ones."""
    from model_guidance.runs.second_attribution import second_look

    own = baseline.config(runs)
    same = [config for job in jobs if _comparable(own, config := job.config(runs)) and config.guided]
    found = dict.fromkeys(
        look for config in same for look in ((config.attribution, config.layer), second_look(config))
    )
    return [look for look in found if look != (own.attribution, own.layer)]


def _comparable(one: Config, other: Config) -> bool:
    facts = [
        (each.data, each.options.get("labels"), each.options.get("task"), each.backbone)
        for each in (one, other)
    ]
    return facts[0] == facts[1]
