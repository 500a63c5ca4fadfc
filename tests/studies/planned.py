"""The runs of every study, planned with made-up folders and weights."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from model_guidance.studies import STUDIES
from model_guidance.studies.planning.experiments import Locations, Size
from model_guidance.studies.planning.planned_run import PlannedRun, with_starts

ROOTS = {"voc": "/data/voc", "coco": "/data/coco", "waterbirds": "/data/birds"}
WEIGHTS = {"lite0": "/weights/lite0.safetensors", "xdnn": "/weights/xdnn.pt", "bcos": "/weights/bcos.pt"}


def place(**machine: Any) -> Locations:
    return Locations(ROOTS, WEIGHTS, machine)


def planned(study: str, size: Size, where: Locations | None = None) -> Sequence[PlannedRun]:
    return _planned(study, size) if where is None else with_starts(STUDIES[study].plan(size, where))


@cache
def _planned(study: str, size: Size) -> Sequence[PlannedRun]:
    return tuple(with_starts(STUDIES[study].plan(size, place())))


def keys(study: str, size: Size, where: Locations | None = None) -> list[str]:
    return _keys(study, size) if where is None else [run.key for run in planned(study, size, where)]


@cache
def _keys(study: str, size: Size) -> list[str]:
    return [run.key for run in planned(study, size)]


def guided(study: str, size: Size, **settings: Any) -> list[PlannedRun]:
    """The guided runs of a study whose settings have these values."""
    runs = [run for run in planned(study, size) if run.config(Path()).guided]
    return [run for run in runs if all(run.settings.get(name) == value for name, value in settings.items())]
