"""Adapting lambda while training, beside a grid of three lambdas, at equal compute."""

from collections.abc import Iterator

from model_guidance.studies.planning.planned_run import Job
from model_guidance.studies.planning.setting import KINDS, Setting
from model_guidance.studies.planning.sizes import Place, Size, multilabel
from model_guidance.studies.planning.study import Study

GRID = (0.05, 0.5, 5.0)  # a decade apart: what somebody tries who does not know the scale
TARGETS = (0.6, 0.8)
NETWORKS = {"tiny": ("plain",), "small": ("bcos",), "paper": KINDS}


def jobs(size: Size, place: Place) -> Iterator[Job]:
    """Yield three lambdas, and adapted runs of three times their epochs, with Energy at the last layer.

    Both grids have averaged losses: the sum of the published settings has another scale of lambda.
    """
    for setting in multilabel(size, place):
        for kind in NETWORKS[size]:
            yield from setting.controls(kind)
            yield from setting.grid(kind, "final", "energy", GRID, reduction="mean")
            yield from _adapted(setting, kind)


def _adapted(setting: Setting, kind: str) -> Iterator[Job]:
    epochs = len(GRID) * setting.guided["epochs"]
    goals = [{"target_epg": target} for target in TARGETS] + [{"allowed_loss": 0.05}]
    for seed in setting.seeds:
        for goal in goals:
            yield setting.guide(kind, seed, layer="final", epochs=epochs, reduction="mean", **goal)


STUDY = Study(
    "Finding lambda: adapted against a grid of three",
    "no figure of the paper, which trains three lambdas per configuration",
    "Nothing is published. Expected: one adapted run reaches its EPG without a guess about lambda.",
    jobs,
    ours=True,
)
