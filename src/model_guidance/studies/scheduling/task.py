"""The parts of a study that can run by themselves, and what each must wait for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_guidance.studies.planning.planned_run import PlannedRun
from model_guidance.studies.scheduling.worker import Explainer, add_attributions, train
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
    """Return a training for each run, and the scores of baselines under the attributions of guided runs."""
    trainings = [
        Task(run.key, run.start.key if run.start else None, train, (run, runs), run.finished(runs))
        for run in planned
    ]
    baselines = [run for run in planned if not run.config(runs).guided]
    return trainings + [_attributions(run, _explainers(run, planned, runs), runs) for run in baselines]


def _attributions(run: PlannedRun, explainers: Sequence[Explainer], runs: Path) -> Task:
    from model_guidance.runs.second_attribution import attributions

    known = attributions(runs / run.key, run.config(runs))
    there = all(f"{method}@{layer}" in known for method, layer in explainers)
    return Task(f"{run.key}, other attributions", run.key, add_attributions, (run, runs, explainers), there)


def _explainers(baseline: PlannedRun, planned: Sequence[PlannedRun], runs: Path) -> list[Explainer]:
    """Return the attributions of all guided runs on the same network and data, and their second ones."""
    from model_guidance.runs.second_attribution import second_attribution

    own = baseline.config(runs)
    same = [config for run in planned if _comparable(own, config := run.config(runs)) and config.guided]
    found = dict.fromkeys(
        explainer
        for config in same
        for explainer in ((config.own_method, config.layer), second_attribution(config))
    )
    return [explainer for explainer in found if explainer != (own.own_method, own.layer)]


def _comparable(one: Config, other: Config) -> bool:
    from model_guidance.data.opening import known_of

    facts = [(each.data, known_of(each.data).task_of(each.options), each.backbone) for each in (one, other)]
    return facts[0] == facts[1]
