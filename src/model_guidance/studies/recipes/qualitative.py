"""Qualitative sheets: image, baseline, and each loss, per network and depth; coarse boxes; Waterbirds."""

from collections.abc import Iterator

from model_guidance.studies.planning.experiments import Locations, Size
from model_guidance.studies.planning.planned_run import PlannedRun
from model_guidance.studies.planning.study import Study
from model_guidance.studies.recipes import fronts, waterbirds


def plan(size: Size, locations: Locations) -> Iterator[PlannedRun]:
    """Yield the runs of the studies whose heat maps are shown: none is trained for this one alone."""
    yield from fronts.every_loss(size, locations)
    yield from fronts.coarse(size, locations)
    yield from waterbirds.plan(size, locations)


STUDY = Study(
    "Heat maps of the same images under every loss",
    "Rao et al. (2023), qualitative figures",
    "Energy concentrates on the object, L1 fills the box; with coarse boxes Energy still does, L1 spreads.",
    plan,
)
