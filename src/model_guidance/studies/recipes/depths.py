"""All five depths, with the time of a step."""

from collections.abc import Iterator

from model_guidance.studies.planning.grids import grid
from model_guidance.studies.planning.planned_run import Job
from model_guidance.studies.planning.setting import LAYERS
from model_guidance.studies.planning.sizes import Place, Size
from model_guidance.studies.planning.study import Study


def jobs(size: Size, place: Place) -> Iterator[Job]:
    """Yield all networks x all depths with Energy."""
    return grid(size, place, layers=LAYERS, losses=("energy",))


STUDY = Study(
    "Where to guide: five depths",
    "Rao et al. (2023), EPG-F1 fronts at five depths on VOC",
    "Guidance works at every depth; at Mid2 a step is 1.7 times as fast as at the input.",
    jobs,
)
