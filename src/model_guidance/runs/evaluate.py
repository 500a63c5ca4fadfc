"""Scoring a checkpoint of a finished or running run."""

from dataclasses import replace

from model_guidance.evaluation import Evaluation
from model_guidance.metrics.evaluate import evaluate
from model_guidance.models import build
from model_guidance.progress import steps
from model_guidance.runs.folder import Run
from model_guidance.runs.setup import evaluation_loader, fabric_of, gathered, measurement, on_device, split_of


def evaluate_run(run: Run, checkpoint: str, split: str, method: str | None, layer: str | None) -> Evaluation:
    """Return the scores of a run's checkpoint on `split`, reliance included.

    The IoU threshold is searched on validation data first. `method` and `layer` replace the run's own, for
    a second look at maps that were not trained. Raises `UserError` for names that do not exist.
    """
    config = replace(run.config, method=method or run.config.method, layer=layer or run.config.layer)
    fabric = fabric_of(config)
    model = build(config.backbone, len(run.classes), run.checkpoint(checkpoint)).to(fabric.device)
    threshold: float | None = None
    for name in dict.fromkeys(("val", split)):
        data = split_of(config, name)
        batches = evaluation_loader(config, data, fabric)
        what = measurement(config, data)
        what = replace(what, threshold=threshold, reliance=name == split)
        with steps(f"{run.folder.name}: {name}", len(batches)) as bar:
            found = evaluate(model, on_device(fabric, batches), what, bar.advance, gathered)
        threshold = found.scores.get("iou_threshold")
    return found
