"""Scoring a checkpoint of a run, during the run or later."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import nn

from model_guidance.data.identity import images_identity
from model_guidance.evaluation import Evaluation
from model_guidance.metrics.evaluate import Measurement, Scored, altered_pixels, evaluate
from model_guidance.metrics.reliance import sample
from model_guidance.progress import steps
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.devices import fabric_here, gathered
from model_guidance.runs.folder import Run
from model_guidance.runs.setup import Data
from model_guidance.runs.unchanged import check_unchanged
from model_guidance.training.config import Config
from model_guidance.training.settings import CROSS_ENTROPY


def score_checkpoint(
    model: nn.Module,
    config: Config,
    data: Data,
    split: str = "test",
    *,
    threshold: float | None = None,
    reliance: bool = False,
    per_class: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Scored:
    """Return the scores of `model` on a split, with maps of the method and layer that `config` names.

    `threshold` is the one for IoU; without it, it is searched on the validation split. `reliance` asks for
    the scores of images without their regions, or without the rest, as well, `per_class` for each class's.
    """
    if threshold is None and split != "val":
        validation = score_checkpoint(model, config, data, "val", advance=advance).evaluation
        threshold = validation.scores.get("iou_threshold")
    part = data.splits[split]
    classes = part.classes if per_class else ()
    what = Measurement(
        config.own_method,
        config.layer,
        part.groups,
        part.exclusive,
        threshold,
        reliance,
        classes,
        config.layout,
        part.shares,
        sample(data.images(split).annotated, config.reliance_images),
        CROSS_ENTROPY if config.classification == CROSS_ENTROPY else "bce",
    )
    altered = data.altered.get(split, altered_pixels)
    found = evaluate(model, data.batches(split), what, advance, partial(gathered, data.fabric), altered)
    if found.evidence is None:
        return found
    images, regions = images_identity(part.names), data.images(split).regions_identity
    return replace(found, evidence=replace(found.evidence, images=images, regions=regions))


def evaluate_run(run: Run, checkpoint: str, split: str, method: str | None, layer: str | None) -> Evaluation:
    """Return the scores of a run's checkpoint on `split`, as `score_run` does, without the evidence."""
    return score_run(run, checkpoint, split, method, layer).evaluation


def score_run(run: Run, checkpoint: str, split: str, method: str | None, layer: str | None) -> Scored:
    """Return the scores of a run's checkpoint on `split`, reliance included.

    `method` and `layer` replace the run's own. Raises `UserError` for names that do not exist, for a damaged
    run, and for data that are no longer those of the run (`check_unchanged`).
    """
    config = run.config.explained_by(method or run.config.method, layer or run.config.layer)
    fabric = fabric_here(config)
    model = load_model(run, checkpoint).to(fabric.device)
    data = Data.open(config, ("val", split), fabric)
    check_unchanged(run, data.splits)
    total = sum(len(loader) for loader in data.loaders.values())
    with steps(f"{run.folder.name}: {split}", total) as bar:
        return score_checkpoint(
            model, config, data, split, reliance=True, per_class=True, advance=bar.advance
        )
