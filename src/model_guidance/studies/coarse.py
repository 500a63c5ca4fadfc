"""Coarse boxes: dilated by 10, 25 and 50 % on each side."""

from collections.abc import Iterator

from model_guidance.studies.job import Job
from model_guidance.studies.sizes import Place, Size, multilabel
from model_guidance.studies.study import Study

DILATIONS = (0.0, 0.1, 0.25, 0.5)
KINDS = {"tiny": ("plain",), "small": ("xdnn",), "paper": ("bcos",)}
LAYERS = {"tiny": ("final",), "small": ("final",), "paper": ("input", "final")}


def jobs(size: Size, place: Place) -> Iterator[Job]:
    """Yield B-cos x {Energy, L1} x the dilations; all are scored with the undilated boxes."""
    for setting in multilabel(size, place):
        for kind in KINDS[size]:
            yield from setting.controls(kind, LAYERS[size][0])
            for layer in LAYERS[size]:
                for loss in ("energy", "l1"):
                    for dilation in DILATIONS:
                        yield from setting.grid(kind, layer, loss, dilate=dilation)


STUDY = Study(
    "Coarse boxes",
    "Rao et al. (2023), fronts with dilated boxes on VOC, B-cos at the input",
    "Energy hardly changes with boxes dilated by up to 50 %; L1, which fills the region, does.",
    jobs,
)
