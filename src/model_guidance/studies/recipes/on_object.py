"""On-object EPG: how much of the attribution inside the boxes lies on the object itself."""

from collections.abc import Iterator

from model_guidance.studies.planning.grids import grid
from model_guidance.studies.planning.planned_run import Job
from model_guidance.studies.planning.sizes import Place, Size
from model_guidance.studies.planning.study import Study


def jobs(size: Size, place: Place) -> Iterator[Job]:
    """Yield all networks x {input, final} x {Energy, L1}; on data that have segmentation masks (VOC)."""
    return grid(size, place, layers=("input", "final"), losses=("energy", "l1"))


STUDY = Study(
    "On-object EPG",
    "Rao et al. (2023); numbers from a public reproduction, B-cos on VOC",
    "Energy stays on the object inside the box, L1 fills the box: 58.1 baseline, 65.2 Energy, 59.1 L1.",
    jobs,
)
