"""A run's maps under an attribution that it was not trained for: its second attribution."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lightning_fabric import Fabric
from torch import nn

from model_guidance.evaluation import Evaluation
from model_guidance.metrics.evidence import Evidence
from model_guidance.models.layers import unwrapped
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.evaluate import score_checkpoint
from model_guidance.runs.evidence import other_evidence, read_evidence, write_evidence
from model_guidance.runs.examples import write_examples
from model_guidance.runs.folder import ATTRIBUTIONS, ATTRIBUTIONS_0_1, Run, named_below
from model_guidance.runs.result import write_evaluations
from model_guidance.runs.setup import Data
from model_guidance.runs.unchanged import check_unchanged
from model_guidance.training.config import Config


def second_attribution(config: Config) -> tuple[str, str]:
    """Return the method and layer under which a run is judged that it was not trained for.

    Maps at the input for a model that was guided at an inner layer, and GradCAM at the last for one that
    was guided at the input: as far away as maps of the same model can be. Where the first layers are frozen
    and only what comes after is run, another method at the same layer.
    """
    if config.frozen is not None:
        usual = replace(config, method=None).own_method
        return (usual if config.own_method == "gradcam" else "gradcam"), config.layer
    if config.layer == "input":
        return "gradcam", "final"
    return replace(config, method=None).own_method, "input"


def score_second_attribution(folder: Path, model: nn.Module, config: Config, data: Data) -> None:
    """Score the last epoch, `model`, under the second attribution; what is there already stays."""
    method, layer = second_attribution(config)
    second = config.explained_by(method, layer)
    if second.explainer not in attributions(folder, config):
        scores = score_checkpoint(model, second, data).evaluation
        write_examples(folder, unwrapped(model)[0], second, data.splits["test"], data.fabric)
        _write(folder, second, {"last": scores}, data.fabric)


def add_attribution(
    run: Run, method: str, layer: str, fabric: Fabric, checkpoints: Sequence[str] = ("best", "last")
) -> None:
    """Score checkpoints of a run, the last one last, under another attribution, and keep its maps.

    The evidence of the last epoch under it is kept as well: guided runs are judged beside it.
    What is there already is not measured again.
    """
    config = run.config.explained_by(method, layer)
    if config.explainer in attributions(run.folder, config):
        return
    data = Data.open(config, ("val", "test"), fabric)
    check_unchanged(run, data.splits)
    scores: dict[str, Evaluation] = {}
    for checkpoint in checkpoints:
        model = load_model(run, checkpoint).to(fabric.device)
        found = score_checkpoint(model, config, data)
        scores[checkpoint] = found.evaluation
        if checkpoint == "last" and found.evidence is not None and fabric.is_global_zero:
            _keep(run, found.evidence, config.explainer)
    write_examples(run.folder, model, config, data.splits["test"], fabric)
    _write(run.folder, config, scores, fabric)


def attributions(folder: Path, config: Config) -> dict[str, Path]:
    """Return the files of scores under attributions other than the run's own, by explainer.

    A file of an X-DNN under `ixg`, as it was called once, is one of `intgrad`.
    """
    files = [file for name in (ATTRIBUTIONS_0_1, ATTRIBUTIONS) for file in named_below(folder, name)]
    named = [file.stem.partition("@") for file in files]
    return {
        config.explained_by(method, layer).explainer: file
        for (method, _, layer), file in zip(named, files, strict=True)
    }


def _keep(run: Run, found: Evidence, explainer: str) -> None:
    """Keep the evidence under other maps; what the model predicts is the same as under its own."""
    own = read_evidence(run.folder)
    if own is not None and own.same_images(found) and own.same_regions(found):
        write_evidence(run.folder, replace(found, right=own.right), other_evidence(explainer))


def _write(folder: Path, config: Config, evaluations: dict[str, Evaluation], fabric: Fabric) -> None:
    """Write `attributions/METHOD@LAYER.json`, {checkpoint: scores}."""
    if fabric.is_global_zero:
        write_evaluations(folder / ATTRIBUTIONS / f"{config.explainer}.json", evaluations)
