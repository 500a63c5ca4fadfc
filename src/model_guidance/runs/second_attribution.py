"""A second look at a run: its maps under an attribution that it was not trained for."""

from collections.abc import Sequence
from dataclasses import replace

from lightning_fabric import Fabric
from torch import nn

from model_guidance.evaluation import Evaluation
from model_guidance.metrics.evaluate import evaluate
from model_guidance.models import build
from model_guidance.runs.examples import write_examples
from model_guidance.runs.folder import LOOKS, Run
from model_guidance.runs.result import write_evaluations
from model_guidance.runs.setup import evaluation_loader, gathered, measurement, on_device, split_of
from model_guidance.training.config import Config


def second_look(config: Config) -> tuple[str, str]:
    """Return the method and layer under which a run is judged that it was not trained for.

    Maps at the input for a model that was guided at an inner layer, and GradCAM at the last for one that
    was guided at the input: as far away as a look at the same model can be.
    """
    if config.layer == "input":
        return "gradcam", "final"
    return replace(config, method=None).attribution, "input"


def look(
    run: Run, method: str, layer: str, fabric: Fabric, checkpoints: Sequence[str] = ("best", "last")
) -> None:
    """Score checkpoints of a run, the last one last, under another attribution, and keep its maps.

    Writes `looks/METHOD@LAYER.json`, {checkpoint: scores}, with the IoU threshold of validation data, and
    the examples of `write_examples`. What is there already is not measured again.
    """
    config = replace(run.config, method=method, layer=layer)
    path = run.folder / LOOKS / f"{config.look}.json"
    if path.is_file():
        return
    scores: dict[str, Evaluation] = {}
    for checkpoint in checkpoints:
        model = build(config.backbone, len(run.classes), run.checkpoint(checkpoint)).to(fabric.device)
        threshold = _scores(model, config, "val", None, fabric).scores.get("iou_threshold")
        scores[checkpoint] = _scores(model, config, "test", threshold, fabric)
    write_examples(run.folder, model, config, split_of(config, "test"), fabric)
    if fabric.is_global_zero:
        write_evaluations(path, scores)


def _scores(
    model: nn.Module, config: Config, name: str, threshold: float | None, fabric: Fabric
) -> Evaluation:
    split = split_of(config, name)
    what = replace(measurement(config, split), threshold=threshold)
    batches = on_device(fabric, evaluation_loader(config, split, fabric))
    return evaluate(model, batches, what, gather=gathered)
