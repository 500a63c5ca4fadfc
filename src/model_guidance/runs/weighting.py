"""How much each training image of a run counts, with what that takes: groups, or an earlier run's errors."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from lightning_fabric import Fabric
from torch import nn

from model_guidance.autodiff.evaluation_mode import evaluation_mode
from model_guidance.data import SplitDataset, loader
from model_guidance.errors import UserError, listed
from model_guidance.metrics.batch_scores import Predictions
from model_guidance.progress import steps
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.folder import Run
from model_guidance.runs.frozen import FrozenPart, after_frozen
from model_guidance.runs.unchanged import check_classes
from model_guidance.training.config import Config
from model_guidance.training.weighting import WEIGHTINGS, Known, Weighting


def weighting_of(config: Config, training: SplitDataset, fabric: Fabric) -> Weighting | None:
    """Return the weighting that the settings ask for, None for the same of each image.

    Raises `UserError` for one that does not exist, or that lacks groups or errors.
    """
    if config.weighting == "images":
        return None
    if config.weighting not in WEIGHTINGS:
        known = listed(("images", *WEIGHTINGS), config.weighting)
        raise UserError(f"--weighting {config.weighting}: choose one of {known}")
    wrong = _wrong(config, training, fabric) if config.errors_of else None
    facts = Known(training.split.group, wrong, config.upweight)
    return WEIGHTINGS[config.weighting](facts).to(fabric.device)


@torch.no_grad()
def _wrong(config: Config, training: SplitDataset, fabric: Fabric) -> Bool[np.ndarray, "images"]:
    """Return which training images the last epoch of the run `config.errors_of` got wrong, uncropped."""
    run = Run.open(Path(str(config.errors_of)))
    check_classes(config.data, run.classes, training.split.classes, run.folder)
    if _seen(run.config) != _seen(config):
        raise UserError(f"--errors_of {run.folder}: its images have {_seen(run.config)}, not {_seen(config)}")
    network = load_model(run, "last")
    model: nn.Module = network
    images = SplitDataset(training.split)
    if run.config.frozen is not None:
        model = after = after_frozen(network, run.config).to(fabric.device)
        part = FrozenPart(after, run.config, run.folder.name)
        kept = part.kept({"train": part.views(images, "train")})
        images = SplitDataset(training.split, features=kept["train"])
    model, wrong = model.to(fabric.device), []
    batches = loader(images, config.evaluation_batch or config.batch, workers=config.workers)
    with evaluation_mode(model), steps(f"errors of {run.folder.name}", len(batches)) as bar:
        for batch in batches:
            logits = model(batch.to(fabric.device).inputs).cpu()
            shares = Predictions(logits, batch.labels, batch.groups).right(training.split.exclusive)
            wrong.append(shares[:, 0] < shares[:, 1])  # of several classes, one wrong decision suffices
            bar.advance()
    return torch.cat(wrong).numpy()


def _seen(config: Config) -> str:
    """Say how a run's network sees photos."""
    ways = (config.resize, config.orientation)
    return ", ".join([f"{config.size} px", *(each for each in ways if each not in ("stretch", "stored"))])
