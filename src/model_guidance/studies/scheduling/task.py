"""The parts of a study that can run by themselves, and what each must wait for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_guidance.studies.planning.planned_run import PlannedRun
from model_guidance.studies.scheduling.worker import Look, look_at, train
from model_guidance.training.config import Config


@dataclass(frozen=True)
class Task:
    """One call, `function(*arguments)`, to be made after the task called `after` has succeeded."""

    name: str
    after: str | None
    function: Callable[..., None]
    arguments: tuple[Any, ...]
    finished: bool


def tasks_of(planned: Sequence[PlannedRun], runs: Path) -> list[Task]:
    """Return a training for each run, and a look at each baseline under all that guided ones are shown in."""
    trainings = [
        Task(run.key, run.start.key if run.start else None, train, (run, runs), run.finished(runs))
        for run in planned
    ]
    baselines = [run for run in planned if not run.config(runs).guided]
    return trainings + [_look(run, _looks(run, planned, runs), runs) for run in baselines]


def _look(run: PlannedRun, looks: Sequence[Look], runs: Path) -> Task:
    from model_guidance.runs.second_attribution import attributions

    known = attributions(runs / run.key)
    there = all(f"{method}@{layer}" in known for method, layer in looks)
    return Task(f"{run.key}, looked at", run.key, look_at, (run, runs, looks), there)


def _looks(baseline: PlannedRun, planned: Sequence[PlannedRun], runs: Path) -> list[Look]:
    """Return the attributions of all guided runs on the same network and data, and their second ones."""
    from model_guidance.runs.second_attribution import second_attribution

    own = baseline.config(runs)
    same = [config for run in planned if _comparable(own, config := run.config(runs)) and config.guided]
    found = dict.fromkeys(
        look for config in same for look in ((config.own_method, config.layer), second_attribution(config))
    )
    return [look for look in found if look != (own.own_method, own.layer)]


def _comparable(one: Config, other: Config) -> bool:
    from model_guidance.data.opening import known_of

    facts = [(each.data, known_of(each.data).task_of(each.options), each.backbone) for each in (one, other)]
    return facts[0] == facts[1]
