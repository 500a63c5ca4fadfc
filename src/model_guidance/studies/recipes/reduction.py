"""Mean or sum over the annotated images, at two batch sizes and two numbers of boxes."""

from collections.abc import Iterator
from dataclasses import replace

from model_guidance.studies.planning.experiment import Experiment
from model_guidance.studies.planning.experiments import Locations, Size, multilabel
from model_guidance.studies.planning.planned_run import PlannedRun
from model_guidance.studies.planning.study import Study
from model_guidance.studies.recipes.fronts import LAST

LAMBDA = 0.5
BATCHES = (16, 64)
FRACTIONS = (0.01, 1.0)
KIND = {"tiny": "xdnn", "small": "plain", "paper": "bcos"}
IMAGES = 500  # of the embedded data: 1 % of fewer would be two images


def plan(size: Size, locations: Locations) -> Iterator[PlannedRun]:
    """Yield both reductions x batches of 16 and 64 x boxes for 1 and 100 %, and baselines to compare with.

    The sum's lambda is such that both mean the same where all 64 images of a batch are annotated. A batch
    of 64 has four times the epochs of one of 16, and so as many steps of the optimizer.
    """
    for experiment in multilabel(size, locations):
        for seed in experiment.seeds:
            own = _larger(experiment) if size == "tiny" else experiment
            yield from _grid(own, KIND[size], seed, LAST[size])


def _larger(experiment: Experiment) -> Experiment:
    return replace(
        experiment, options={**experiment.options, "count": IMAGES}, images=(IMAGES, IMAGES, IMAGES)
    )


def _grid(experiment: Experiment, kind: str, seed: int, layer: str) -> Iterator[PlannedRun]:
    shortest = max(1, experiment.guided["epochs"] * BATCHES[0] // BATCHES[-1])
    for batch in BATCHES:
        length = {"batch": batch, "epochs": shortest * batch // BATCHES[0]}
        yield experiment.guide(kind, seed, layer=layer, lambda_=0.0, **length)
        for fraction in FRACTIONS:
            for reduction, scale in (("mean", 1), ("sum", BATCHES[-1])):
                value = {"lambda_": LAMBDA / scale, "reduction": reduction, "annotated": fraction}
                yield experiment.guide(kind, seed, layer=layer, loss="energy", **value, **length)


STUDY = Study(
    "Mean or sum over the annotated images",
    "the published lambda grids: 5e-4 to 5e-3 for all boxes and 0.05 to 0.5 for 1 %, both for the sum",
    "With the sum, lambda must be about 100 times larger for 1 % of the boxes; with the mean it need not.",
    plan,
    ours=True,
)
