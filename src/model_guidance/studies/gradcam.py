"""GradCAM beside the other attributions, at the last layer."""

from collections.abc import Iterator

from model_guidance.studies.job import Job
from model_guidance.studies.setting import KINDS
from model_guidance.studies.sizes import Place, Size, multilabel
from model_guidance.studies.study import Study


def jobs(size: Size, place: Place) -> Iterator[Job]:
    """Yield all networks x {their own attribution, GradCAM} x {Energy, L1} at the last layer."""
    for setting in multilabel(size, place):
        for kind in KINDS:
            yield from setting.controls(kind)
            for loss in ("energy", "l1"):
                yield from setting.grid(kind, "final", loss)
                yield from setting.grid(kind, "final", loss, method="gradcam")


STUDY = Study(
    "GradCAM beside the other attributions",
    "Rao et al. (2023), GradCAM fronts at the last layer",
    "GradCAM is guided as well as the other attributions at the last layer; again Energy has the best EPG "
    "and L1 the best IoU.",
    jobs,
)
