"""Adapting lambda while training, beside a grid of three lambdas, at equal compute."""

from collections.abc import Iterator

from model_guidance.studies.planning.experiment import KINDS, Experiment
from model_guidance.studies.planning.experiments import Locations, Size, multilabel
from model_guidance.studies.planning.planned_run import PlannedRun
from model_guidance.studies.planning.study import Study
from model_guidance.studies.recipes.fronts import LAST

GRID = (0.05, 0.5, 5.0)  # a decade apart: what somebody tries who does not know the scale
TARGETS = (0.6, 0.8)
NETWORKS = {"tiny": ("plain",), "small": ("plain",), "paper": KINDS}


def plan(size: Size, locations: Locations) -> Iterator[PlannedRun]:
    """Yield three lambdas, and adapted runs of three times their epochs, with Energy at the last layer.

    Both grids have averaged losses: the sum of the published settings has another scale of lambda.
    """
    for experiment in multilabel(size, locations):
        for kind in NETWORKS[size]:
            yield from experiment.controls(kind, LAST[size])
            yield from experiment.grid(kind, LAST[size], "energy", GRID, reduction="mean")
            yield from _adapted(experiment, kind, LAST[size])


def _adapted(experiment: Experiment, kind: str, layer: str) -> Iterator[PlannedRun]:
    epochs = len(GRID) * experiment.guided["epochs"]
    goals = [{"target_epg": target} for target in TARGETS] + [{"allowed_loss": 0.05}]
    for seed in experiment.seeds:
        for goal in goals:
            yield experiment.guide(kind, seed, layer=layer, epochs=epochs, reduction="mean", **goal)


STUDY = Study(
    "Finding lambda: adapted against a grid of three",
    "no figure of the paper, which trains three lambdas per configuration",
    "Nothing is published. Expected: one adapted run reaches its EPG without a guess about lambda.",
    plan,
    ours=True,
)
