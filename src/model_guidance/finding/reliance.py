"""Reliance of single images: how much of an answer is lost with everything outside of the regions."""

import numpy as np
import torch
from jaxtyping import Float

from model_guidance.data import SplitDataset
from model_guidance.data.annotations.settings import for_scores
from model_guidance.data.loading import collate
from model_guidance.finding.observations import Observations
from model_guidance.metrics.reliance import replaced
from model_guidance.progress import steps
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.devices import fabric_here
from model_guidance.runs.folder import Run
from model_guidance.runs.setup import split_of
from model_guidance.training.classification import probabilities_of


def lost_without_outside(
    run: Run, split: str, seen: Observations, checkpoint: str = "best"
) -> Float[np.ndarray, "images"]:
    """Return by how much, in [-1, 1], the probability of each explained class falls: NaN without a region.

    Everything outside of an image's regions, of all classes, becomes its mean colour. Raises `UserError` for
    a checkpoint or images that are not there.
    """
    config, device = run.config, fabric_here(run.config).device
    data = split_of(config, split)
    dataset = SplitDataset(data, for_scores(data, config.regions, config.outside))
    model = load_model(run, checkpoint).eval().to(device)
    left = np.full(len(seen), np.nan)
    places = np.flatnonzero(dataset.annotated[seen.index])
    groups = np.split(places, range(config.batch, len(places), config.batch))
    with steps(f"{run.folder.name}: outside replaced", len(groups)) as bar, torch.no_grad():
        for group in filter(len, groups):
            batch = collate([dataset[int(index)] for index in seen.index[group]]).to(device)
            altered, kept = replaced(batch.inputs, batch.regions, "mean", "outside")
            found = probabilities_of(model(altered).double(), config.classification).cpu().numpy()
            some = group[kept.cpu().numpy()]
            left[some] = found[np.arange(len(some)), seen.classes[some]]
            bar.advance()
    return seen.probabilities[np.arange(len(seen)), seen.classes] - left
