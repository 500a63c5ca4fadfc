"""Qualitative sheets: image, baseline, and each loss, per network and depth; coarse boxes; Waterbirds."""

from collections.abc import Iterator

from model_guidance.studies.planning.grids import every_loss
from model_guidance.studies.planning.planned_run import Job
from model_guidance.studies.planning.sizes import Place, Size
from model_guidance.studies.planning.study import Study
from model_guidance.studies.recipes import coarse, waterbirds


def jobs(size: Size, place: Place) -> Iterator[Job]:
    """Yield the runs of the studies whose heat maps are shown: none is trained for this one alone."""
    yield from every_loss(size, place)
    yield from coarse.jobs(size, place)
    yield from waterbirds.jobs(size, place)


STUDY = Study(
    "Heat maps of the same images under every loss",
    "Rao et al. (2023), qualitative figures",
    "Energy concentrates on the object, L1 fills the box; with coarse boxes Energy still does, L1 spreads.",
    jobs,
)
