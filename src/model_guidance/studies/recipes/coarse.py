"""Coarse boxes: dilated by 10, 25 and 50 % on each side."""

from collections.abc import Iterator

from model_guidance.studies.planning.grids import grid
from model_guidance.studies.planning.planned_run import Job
from model_guidance.studies.planning.sizes import Place, Size
from model_guidance.studies.planning.study import Study

DILATIONS = (0.0, 0.1, 0.25, 0.5)
KINDS = {"tiny": ("plain",), "small": ("xdnn",), "paper": ("bcos",)}
LAYERS = {"tiny": ("final",), "small": ("final",), "paper": ("input", "final")}


def jobs(size: Size, place: Place) -> Iterator[Job]:
    """Yield B-cos x {Energy, L1} x the dilations; all are scored with the undilated boxes."""
    coarse = [{"dilate": dilation} for dilation in DILATIONS]
    kinds, layers = KINDS[size], LAYERS[size]
    losses = ("energy", "l1")
    return grid(size, place, kinds=kinds, layers=layers, losses=losses, variants=coarse, control=layers[0])


STUDY = Study(
    "Coarse boxes",
    "Rao et al. (2023), fronts with dilated boxes on VOC, B-cos at the input",
    "Energy hardly changes with boxes dilated by up to 50 %; L1, which fills the region, does.",
    jobs,
)
