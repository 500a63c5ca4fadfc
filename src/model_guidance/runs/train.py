"""One training run, from settings to a finished folder."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.utils.data import DataLoader

from model_guidance.data import Split
from model_guidance.data.annotations.settings import check_fraction
from model_guidance.data.loading import EpochSampler
from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation
from model_guidance.files import write
from model_guidance.guidance import Guidance
from model_guidance.metrics.catalogue import FRONT, fractions, main_score
from model_guidance.metrics.evaluate import evaluate
from model_guidance.models.backbone import Backbone
from model_guidance.models.weights import load
from model_guidance.progress import steps
from model_guidance.runs.checkpoints import Row, read_state
from model_guidance.runs.examples import write_examples
from model_guidance.runs.folder import CLASSES, CONFIG, RESULT, STATE, Run, claim, clear
from model_guidance.runs.result import Result, write_result
from model_guidance.runs.second_attribution import look, second_look
from model_guidance.runs.setup import (
    evaluation_loader,
    fabric_of,
    gathered,
    guidance_of,
    measurement,
    on_device,
    regions_of,
    source_of,
    split_of,
    training_loader,
)
from model_guidance.selection import best_epoch, pareto_front
from model_guidance.training.config import Config
from model_guidance.training.lambda_schedule import START, Goal, next_lambda
from model_guidance.training.trainer import Callbacks, train
from model_guidance.types import Batch
from model_guidance.versions import VERSIONS


@dataclass(frozen=True)
class _Job:
    """Everything that a run needs, checked and loaded."""

    config: Config
    folder: Path
    fabric: Fabric
    guidance: Guidance
    splits: dict[str, Split]
    loaders: dict[str, DataLoader[Any]]

    @property
    def main(self) -> str:
        return main_score(self.splits["val"].exclusive)

    def batches(self, name: str) -> Iterator[Batch]:
        return on_device(self.fabric, self.loaders[name])


def train_run(config: Config, folder: Path, *, overwrite: bool = False) -> Result:
    """Train as `config` says, test what came out, and return the result, which `result.json` holds.

    Tested are the best epoch, the last, and all on the Pareto front of validation; for the last, the heat
    maps of some test images are kept; a guided model is also scored under an attribution that it was not
    trained for (`looks.second_look`). An unfinished run of the same settings in `folder` is continued, to
    the same result. Raises `UserError`, before anything is written, for settings, data or weights that
    cannot be used, for a folder with a finished run (unless `overwrite`), and for one with another
    unfinished run.
    """
    claim(folder, config, overwrite)
    torch.set_flush_denormal(True)  # once a loss is nearly 0, denormal numbers make a CPU many times slower
    try:
        return _run(config, folder, overwrite)
    finally:
        torch.set_flush_denormal(False)


def _run(config: Config, folder: Path, overwrite: bool) -> Result:
    torch.manual_seed(config.seed)
    job = _prepare(config, folder)
    if job.fabric.is_global_zero:
        if overwrite:
            clear(folder)
        write(folder / CONFIG, config.yaml().encode())
        write(folder / CLASSES, json.dumps(job.splits["train"].classes).encode())
    job.fabric.barrier()
    result = _test(job, *_train(job))
    write_examples(folder, job.guidance.model, config, job.splits["test"], job.fabric)
    if config.guided:
        look(Run.open(folder), *second_look(config), job.fabric, ["last"])
    if job.fabric.is_global_zero:
        write_result(folder / RESULT, result)
        (folder / STATE).unlink(missing_ok=True)
    return result


def _prepare(config: Config, folder: Path) -> _Job:
    """Check the settings from the cheapest to the dearest: the data are read last."""
    source, _ = source_of(config, "train"), regions_of(config)
    check_fraction(config.annotated, len(source.names))
    guidance, fabric = guidance_of(config, len(source.classes)), fabric_of(config)
    splits = {name: split_of(config, name) for name in ("train", "val", "test")}
    if any(split.classes != source.classes for split in splits.values()):
        raise UserError(f"--data {config.data}: train, val and test do not have the same classes")
    loaders = {name: evaluation_loader(config, splits[name], fabric) for name in ("val", "test")}
    loaders["train"] = training_loader(config, splits["train"], fabric)
    return _Job(config, folder, fabric, guidance, splits, loaders)


def _train(job: _Job) -> tuple[list[Row], int]:
    """Return the validation scores of each epoch, and which epoch, from 1, is the best."""
    config, loaders = job.config, job.loaders
    what = measurement(config, job.splits["val"])
    total = config.epochs * (len(loaders["train"]) + len(loaders["val"]))

    def batches(epoch: int) -> Iterator[Batch]:
        cast(EpochSampler, loaders["train"].sampler).set_epoch(epoch)
        return job.batches("train")

    def score(model: nn.Module) -> Row:
        return evaluate(model, job.batches("val"), what, bar.advance, gathered).flat

    state = read_state(job.folder / STATE)
    done = total * len(state["history"]) // config.epochs if state else 0
    with steps(job.folder.name, total, done) as bar:
        goal = _goal(job, score)
        callbacks = Callbacks(
            score,
            lambda rows: _front(rows, job.main),
            lambda rows: best_epoch(rows, job.main, target_epg=goal.epg, least=goal.least),
            lambda rows: _lambda(config, rows, goal),
            lambda row: bar.say(f"{job.folder.name}  {_line(row, job.main)}"),
            bar.advance,
        )
        history = train(job.fabric, job.guidance, batches, callbacks, config, job.folder, state)
    return history, callbacks.best(history)


def _goal(job: _Job, score: Callable[[nn.Module], Row]) -> Goal:
    """Return what lambda is adapted to; what may be lost is measured from the initial weights."""
    allowed = job.config.tolerated_loss
    if allowed is None:
        return Goal(job.main, job.config.target_epg)
    start = score(job.guidance.model.to(job.fabric.device))[job.main]
    return Goal(job.main, job.config.target_epg, start - allowed, allowed)


def _lambda(config: Config, rows: Sequence[Row], goal: Goal) -> float:
    if not rows:
        return config.lambda_ or (START if config.guided else 0.0)
    return next_lambda(rows[-1]["lambda"], rows[-1], goal)


def _front(rows: Sequence[Row], main: str) -> list[bool]:
    scores = [[row.get(name, float("nan")) for name in (main, *FRONT)] for row in rows]
    return pareto_front(torch.tensor(scores)).tolist()


def _line(row: Row, main: str) -> str:
    names = ("loss", "localization", "lambda", main, *(score.name for score in fractions(row)))
    shown = [name for name in dict.fromkeys(names) if name in row]
    return f"epoch {row['epoch']:3g}  " + "  ".join(f"{name} {row[name]:.4f}" for name in shown)


def _test(job: _Job, history: list[Row], best: int) -> Result:
    """Score the best epoch, the last and the front on the test split, each with its own IoU threshold."""
    split, model = job.splits["test"], cast(Backbone, job.guidance.model)
    front = [epoch for epoch, kept in enumerate(_front(history, job.main), start=1) if kept]
    files = {epoch: f"front/epoch-{epoch:03}" for epoch in front} | {best: "best", len(history): "last"}
    scores: dict[int, Evaluation] = {}
    with steps(f"{job.folder.name}: test", len(files) * len(job.loaders["test"])) as bar:
        for epoch, name in sorted(files.items()):
            load(model, job.folder / f"{name}.safetensors")
            ends = epoch in (best, len(history))
            what = replace(
                measurement(job.config, split),
                threshold=history[epoch - 1].get("iou_threshold"),
                reliance=ends,
                classes=split.classes if ends else (),
            )
            scores[epoch] = evaluate(model, job.batches("test"), what, bar.advance, gathered)
    kept = {epoch: scores[epoch] for epoch in front}
    return Result(len(history), best, scores[best], scores[len(history)], kept, VERSIONS)
