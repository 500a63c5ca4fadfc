"""Guided maps beside their rivals, on Waterbirds: composites, crops, the last layer alone, other weights."""

from collections.abc import Iterator, Mapping
from typing import Any

from model_guidance.studies.planning.experiments import Locations, Size, waterbirds
from model_guidance.studies.planning.planned_run import PlannedRun
from model_guidance.studies.planning.study import Study
from model_guidance.studies.recipes.waterbirds import ALL_BOXES, CEILING, FEW_BOXES

Rows = Mapping[str, Mapping[str, Any]]
RANDOM = {"regions": "random"}
# Nothing comes after it but the pool and the classifier, which learn nothing at the rate of whole networks.
LAST_LAYER = {"frozen": "final", "layer": "final", "lr": 1e-2}
ENERGY: Mapping[Size, tuple[Mapping[str, Any], Mapping[str, Any]]] = {  # with all boxes, and with few
    "tiny": ({"lambda_": 2.0}, {"lambda_": 2.0, "annotated": 0.1}),
    "small": (ALL_BOXES, FEW_BOXES),
    "paper": ({"lambda_": 5e-3}, {"lambda_": 0.5, "annotated": 0.01}),  # the strongest that were published
}
CEILINGS: Mapping[Size, Mapping[str, Any]] = {
    "tiny": {"options": {"background": "independent"}},
    "small": CEILING,
    "paper": {"options": {"training": "mixed"}},
}


def rows(size: Size) -> Rows:
    """Return the settings of each row of the study's tables."""
    energy, few_energy = ENERGY[size]
    few = {"annotated": few_energy["annotated"]}
    swapped, few_swapped = _composites(4), {**_composites(10), **few}
    both, few_both = {**energy, **_composites(4)}, {**few_energy, **_composites(4)}
    return {
        "baseline": {},
        "Energy, all boxes": energy,
        "Energy, few": few_energy,
        "composites, all boxes": swapped,
        "composites, few": few_swapped,
        "composites of the mean colour, all boxes": {**swapped, "filler": "mean"},
        "composites of the mean colour, few": {**few_swapped, "filler": "mean"},
        "both, all boxes": both,
        "both, few": few_both,
        "Energy, random boxes, few": {**few_energy, **RANDOM},
        "composites, random boxes, few": {**few_swapped, **RANDOM},
        "both, random boxes, few": {**few_both, **RANDOM},
        "last layer on composites, all boxes": {**swapped, **LAST_LAYER},
        "last layer on composites, few": {**few_swapped, **LAST_LAYER},
        "last layer, both, all boxes": {**both, **LAST_LAYER},
        "last layer, both, few": {**few_both, **LAST_LAYER},
        "last layer, both, random boxes, all": {**both, **LAST_LAYER, **RANDOM},
        "last layer, both, random boxes, few": {**few_both, **LAST_LAYER, **RANDOM},
        "crops, all boxes": {**swapped, "filler": "crop"},
        "crops, few": {**few_swapped, "filler": "crop"},
        "GroupDRO": {"weighting": "group_dro"},
        "last layer on balanced held-out images": {**CEILINGS[size], **LAST_LAYER, "weighting": "groups"},
        "ceiling": CEILINGS[size],
    }


def _composites(weight: float) -> dict[str, Any]:
    return {"composites": 0.5, "composites_weight": float(weight)}


def plan(size: Size, locations: Locations) -> Iterator[PlannedRun]:
    """Yield the runs of all rows on the conventional task, of the plain network."""
    experiment = waterbirds(size, locations, "conventional")
    for row in rows(size).values():
        yield from experiment.row("plain", row)


STUDY = Study(
    "Guided maps and their rivals",
    "no figure of the paper; composites after arXiv 2303.06419",
    "Nothing is published for this comparison. Expected: composites do as much for the worst group as "
    "Energy, without moving the maps; both together do most; random boxes do less.",
    plan,
    ours=True,
    in_all=False,
)
