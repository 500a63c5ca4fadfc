"""The jobs of every study, planned with made-up folders and weights."""

from pathlib import Path
from typing import Any

from model_guidance.studies import STUDIES
from model_guidance.studies.planning.planned_run import Job, with_starts
from model_guidance.studies.planning.sizes import Place, Size

ROOTS = {"voc": "/data/voc", "coco": "/data/coco", "waterbirds": "/data/birds"}
WEIGHTS = {"xdnn": "/weights/xdnn.pt", "bcos": "/weights/bcos.pt"}


def place(**machine: Any) -> Place:
    return Place(ROOTS, WEIGHTS, machine)


def planned(study: str, size: Size, where: Place | None = None) -> list[Job]:
    return with_starts(STUDIES[study].jobs(size, where or place()))


def keys(study: str, size: Size, where: Place | None = None) -> list[str]:
    return [job.key for job in planned(study, size, where)]


def guided(study: str, size: Size, **settings: Any) -> list[Job]:
    """The guided jobs of a study whose settings have these values."""
    jobs = [job for job in planned(study, size) if job.config(Path()).guided]
    return [job for job in jobs if all(job.settings.get(name) == value for name, value in settings.items())]
