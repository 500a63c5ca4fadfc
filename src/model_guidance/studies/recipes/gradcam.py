"""GradCAM beside the other attributions, at the last layer."""

from collections.abc import Iterator

from model_guidance.studies.planning.grids import grid
from model_guidance.studies.planning.planned_run import Job
from model_guidance.studies.planning.sizes import Place, Size
from model_guidance.studies.planning.study import Study


def jobs(size: Size, place: Place) -> Iterator[Job]:
    """Yield all networks x {their own attribution, GradCAM} x {Energy, L1} at the last layer."""
    own, gradcam = {"method": None}, {"method": "gradcam"}
    return grid(size, place, layers=("final",), losses=("energy", "l1"), variants=(own, gradcam))


STUDY = Study(
    "GradCAM beside the other attributions",
    "Rao et al. (2023), GradCAM fronts at the last layer",
    "GradCAM is guided as well as the other attributions at the last layer; again Energy has the best EPG "
    "and L1 the best IoU.",
    jobs,
)
