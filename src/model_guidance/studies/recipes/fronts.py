"""The paper's fronts: networks x layers x losses x lambdas on data with several classes per image."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from model_guidance.studies.planning.experiment import KINDS
from model_guidance.studies.planning.experiments import FROZEN, Locations, Size, multilabel
from model_guidance.studies.planning.planned_run import PlannedRun
from model_guidance.studies.planning.study import Study

FIVE = ("input", "mid1", "mid2", "mid3", "final")
DEPTHS: Mapping[Size, Sequence[str]] = {"tiny": FIVE, "small": (FROZEN, "final"), "paper": FIVE}
ENDS: Mapping[Size, Sequence[str]] = {
    "tiny": ("input", "final"),
    "small": (FROZEN,),  # what lies before is not trained
    "paper": ("input", "final"),
}
LAST = {size: layers[-1] for size, layers in ENDS.items()}
BEST = ("energy", "l1")  # the losses with the best EPG and the best IoU
OWN_AND_GRADCAM: Sequence[Mapping[str, Any]] = ({"method": None}, {"method": "gradcam"})
FRACTIONS = (0.01, 0.1, 1.0)  # of the boxes
DILATIONS = (0.0, 0.1, 0.25, 0.5)
FEW_KINDS: Mapping[Size, Sequence[str]] = {"tiny": ("plain",), "small": ("plain",), "paper": KINDS}
FEW_LAYERS = {**ENDS, "tiny": ("final",)}  # a grid per box budget is dear
BESIDE = {"annotated_batch": 16}  # of few images, or most batches would have none


def every_loss(size: Size, locations: Locations) -> Iterator[PlannedRun]:
    """Yield all networks x {input, final} x all losses x lambdas, and the controls."""
    return _grid(size, locations, layers=ENDS[size])


def gradcam(size: Size, locations: Locations) -> Iterator[PlannedRun]:
    """Yield all networks x {their own attribution, GradCAM} x {Energy, L1} at the last layer."""
    return _grid(size, locations, layers=(LAST[size],), losses=BEST, variants=OWN_AND_GRADCAM)


def depths(size: Size, locations: Locations) -> Iterator[PlannedRun]:
    """Yield all networks x all depths with Energy."""
    return _grid(size, locations, layers=DEPTHS[size], losses=("energy",))


def on_object(size: Size, locations: Locations) -> Iterator[PlannedRun]:
    """Yield all networks x {input, final} x {Energy, L1}; on data that have segmentation masks (VOC)."""
    return _grid(size, locations, layers=ENDS[size], losses=BEST)


def limited(size: Size, locations: Locations) -> Iterator[PlannedRun]:
    """Yield few networks x {Energy, L1} x the fractions of the boxes; each seed draws its own images."""
    beside = BESIDE if size == "small" else {}
    few = [{"annotated": fraction, **(beside if fraction < 1 else {})} for fraction in FRACTIONS]
    return _of_few_kinds(size, locations, few)


def coarse(size: Size, locations: Locations) -> Iterator[PlannedRun]:
    """Yield few networks x {Energy, L1} x the dilations; all are scored with the undilated boxes."""
    return _of_few_kinds(size, locations, [{"dilate": dilation} for dilation in DILATIONS])


def _of_few_kinds(
    size: Size, locations: Locations, variants: Sequence[Mapping[str, Any]]
) -> Iterator[PlannedRun]:
    kinds, layers = FEW_KINDS[size], FEW_LAYERS[size]
    return _grid(
        size, locations, kinds=kinds, layers=layers, losses=BEST, variants=variants, control=layers[0]
    )


def _grid(
    size: Size,
    locations: Locations,
    *,
    layers: Sequence[str],
    losses: Sequence[str] = (),
    kinds: Sequence[str] = (),
    variants: Sequence[Mapping[str, Any]] = ({},),
    control: str | None = None,
) -> Iterator[PlannedRun]:
    """Yield networks x layers x losses x variants x lambdas, and the controls, those guided at `control`.

    A variant is some settings of `Config`, such as `{"dilate": 0.5}`. The losses are by default all for
    which lambdas were published, the networks all that the size has, and the controls at the last layer.
    """
    for experiment in multilabel(size, locations):
        for kind in kinds or experiment.backbones:
            yield from experiment.controls(kind, control or LAST[size])
            for layer, loss, variant in product(layers, losses or experiment.lambdas, variants):
                yield from experiment.grid(kind, layer, loss, **variant)


STUDIES = {
    "epg-f1": Study(
        "EPG against F1",
        "Rao et al. (2023), EPG-F1 fronts on VOC and COCO; B-cos, plain and X-DNN at the input on VOC",
        "Energy gives the best EPG at a given F1. VOC, input, EPG @ F1: B-cos 71.7 @ 79.4, X-DNN 62.3 @ "
        "68.9, plain 55.8 @ 69.0. At the last layer every network can be guided.",
        every_loss,
        findings=("R1", "R4", "R5", "R6"),
    ),
    "iou-f1": Study(
        "IoU against F1",
        "Rao et al. (2023), IoU-F1 fronts; numbers from two public reproductions on VOC and COCO",
        "L1 gives the best IoU. VOC, plain, last layer, F1/IoU: baseline 80.4/35.2, L1 80.2/49.8, Energy "
        "79.8/27.3; B-cos, input: baseline 80.2/0.6, L1 77.9/25.2.",
        every_loss,
        findings=("R2",),
    ),
    "map": Study(
        "EPG and IoU against mAP",
        "Rao et al. (2023), supplement: the fronts against mAP",
        "The order of the losses is the same as against F1: Energy has the best EPG, L1 the best IoU.",
        every_loss,
        findings=("R1", "R2"),
    ),
    "gradcam": Study(
        "GradCAM beside the other attributions",
        "Rao et al. (2023), GradCAM fronts at the last layer",
        "GradCAM is guided as well as the other attributions at the last layer; again Energy has the best "
        "EPG and L1 the best IoU.",
        gradcam,
        findings=("R5",),
    ),
    "depths": Study(
        "Where to guide: five depths",
        "Rao et al. (2023), EPG-F1 fronts at five depths on VOC",
        "Guidance works at every depth; at Mid2 a step is 1.7 times as fast as at the input.",
        depths,
        findings=("R4", "R5"),
    ),
    "on-object": Study(
        "On-object EPG",
        "Rao et al. (2023); numbers from a public reproduction, B-cos on VOC",
        "Energy stays on the object inside the box, L1 fills the box: 58.1 baseline, 65.2 Energy, 59.1 L1.",
        on_object,
        findings=("R3",),
    ),
    "limited": Study(
        "Limited annotations",
        "Rao et al. (2023), fronts with boxes for 1, 10 and 100 % of VOC: B-cos at the input; in the full "
        "results all networks at the input and the last layer",
        "1 % of the boxes (25 images) gives most of the gain, +23.0 EPG for -0.3 F1, and 10 % nearly all.",
        limited,
        findings=("R7",),
    ),
    "coarse": Study(
        "Coarse boxes",
        "Rao et al. (2023), fronts with dilated boxes on VOC: B-cos at the input; in the full results all "
        "networks at the input and the last layer",
        "Energy hardly changes with boxes dilated by up to 50 %; L1, which fills the region, does.",
        coarse,
        findings=("R8",),
    ),
}
