"""One training run, from settings to a finished folder."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.utils.data import DataLoader

from model_guidance.data import SplitDataset
from model_guidance.data.annotations.settings import check_fraction
from model_guidance.data.composites import check_settings
from model_guidance.data.loading import EpochSampler
from model_guidance.errors import UserError
from model_guidance.evaluation import Scores
from model_guidance.files import is_there, write
from model_guidance.guidance import Guidance
from model_guidance.metrics.catalogue import fractions, main_score
from model_guidance.metrics.evaluate import Scored
from model_guidance.models import AfterLayer
from model_guidance.models.backbone import Backbone
from model_guidance.models.layers import unwrapped
from model_guidance.models.weights import load
from model_guidance.progress import say, steps
from model_guidance.runs.checkpoints import read_state, write_state, write_weights
from model_guidance.runs.claim import check_claim, clear, locked
from model_guidance.runs.evaluate import score_checkpoint
from model_guidance.runs.evidence import write_evidence
from model_guidance.runs.examples import write_examples
from model_guidance.runs.folder import BEST, CLASSES, CONFIG, FRONT, LAST, RESULT, STATE, read_classes
from model_guidance.runs.frozen import FrozenPart, Wanted
from model_guidance.runs.history import Cost, read_cost, write_cost, write_history
from model_guidance.runs.remarks import chance, remarks
from model_guidance.runs.result import Result, write_result
from model_guidance.runs.second_attribution import score_second_attribution
from model_guidance.runs.setup import (
    Data,
    check_classes,
    composites_of,
    evaluation_loader,
    fabric_of,
    guidance_of,
    images_of,
    on_device,
    regions_of,
    source_of,
    training_loader,
)
from model_guidance.runs.trial import check_step, first_with_region, normalises
from model_guidance.runs.weighting import weighting_of
from model_guidance.training.config import Config
from model_guidance.training.lambda_schedule import Goal, tolerated_loss
from model_guidance.training.trainer import Epoch, best_of, front_of, train
from model_guidance.training.weighting import Weighting
from model_guidance.types import Batch
from model_guidance.versions import VERSIONS


@dataclass(frozen=True)
class _Prepared:
    """Everything that a run needs, checked and loaded."""

    config: Config
    folder: Path
    fabric: Fabric
    guidance: Guidance
    data: Data
    training: DataLoader[Any]
    weighting: Weighting | None

    @property
    def main(self) -> str:
        return main_score(self.data.splits["val"].exclusive)

    @property
    def model(self) -> Backbone:
        return cast(Backbone, unwrapped(self.guidance.model)[0])

    @property
    def classes(self) -> list[str]:
        return list(self.data.splits["train"].classes)


def train_run(config: Config, folder: Path, *, overwrite: bool = False) -> Result:
    """Train as `config` says, test what came out, and return the result, which `result.json` holds.

    Tested are the best epoch, the last, and all on the Pareto front of validation; for the last, the heat
    maps of some test images are kept; a guided model is also scored under an attribution that it was not
    trained for (`second_attribution`). An unfinished run of the same settings in `folder` is continued, to
    the same result. Raises `UserError`, before anything is written, for settings, data or weights that
    cannot be used, for a folder with a finished run (unless `overwrite`), for one with another unfinished
    run, and for one in which another process is training.
    """
    check_claim(folder, config, overwrite)
    torch.set_flush_denormal(True)  # once a loss is nearly 0, denormal numbers make a CPU many times slower
    try:
        torch.manual_seed(config.seed)
        run = _prepare(config, folder)
        with locked(folder) if run.fabric.is_global_zero else nullcontext():
            return _run(run, overwrite)
    finally:
        torch.set_flush_denormal(False)


def _run(run: _Prepared, overwrite: bool) -> Result:
    folder, config = run.folder, run.config
    if run.fabric.is_global_zero:
        check_claim(folder, config, overwrite)  # another process may have been here since
        if overwrite:
            clear(folder)
        elif is_there(folder / STATE):
            check_classes(config.data, read_classes(folder), run.classes, folder)
        write(folder / CONFIG, config.yaml().encode())
        write(folder / CLASSES, json.dumps(run.classes).encode())
    run.fabric.barrier()
    if config.frozen is not None:
        run = _on_features(run)
    history, goal = _train(run)
    result = _test(run, history, goal)
    write_examples(folder, run.model, config, run.data.splits["test"], run.fabric)
    if config.guided:
        score_second_attribution(folder, run.guidance.model, config, run.data)
    if run.fabric.is_global_zero:
        write_result(folder / RESULT, result)
        (folder / STATE).unlink(missing_ok=True)
        validation = run.data.splits["val"]
        level = chance(validation.labels, validation.exclusive)
        for remark in remarks(config, history, result.best_epoch, run.main, level):
            say(f"{folder.name}: {remark}")
    return result


def _prepare(config: Config, folder: Path) -> _Prepared:
    """Check the settings from the cheapest to the dearest: the data are read last."""
    source, _ = source_of(config, "train"), regions_of(config)
    check_settings(config.filler, config.replaced)
    check_fraction(config.annotated, len(source.names))
    guidance, fabric = guidance_of(config, len(source.classes)), fabric_of(config)
    data = Data.open(config, ("train", "val", "test"), fabric)
    if fabric.is_global_zero:
        for name, split in data.splits.items():
            for remark in split.remarks:
                say(f"{folder.name}: {name}: {remark}")
    if any(split.classes != source.classes for split in data.splits.values()):
        raise UserError(f"--data {config.data}: train, val and test do not have the same classes")
    model = guidance.model.to(fabric.device)
    training = training_loader(config, data.splits["train"], fabric, normalises(model, config))
    training_set, validation_set = images_of(training), images_of(data.loaders["val"])
    _check_regions(config, training_set, validation_set)
    check_step(model, config, training_set, fabric.device)
    weighting = weighting_of(config, training_set, fabric)
    run = _Prepared(config, folder, fabric, guidance, data, training, weighting)
    if config.frozen is not None:
        FrozenPart.check(*_wanted(run))
    return run


def _wanted(run: _Prepared) -> tuple[FrozenPart, dict[str, list[Wanted]]]:
    """Return the frozen part, and the features that the run needs of it."""
    model, quiet = cast(AfterLayer, run.guidance.model), not run.fabric.is_global_zero
    part = FrozenPart(model, run.config, run.folder.name, quiet)
    images = {name: run.data.images(name) for name in ("val", "test")} | {"train": images_of(run.training)}
    wanted = {name: part.views(each, name) for name, each in images.items()}
    composites = composites_of(run.training)
    wanted["composites"] = part.views(composites, "composites") if composites else []
    return part, wanted | {"replaced": part.replaced(run.data.loaders["test"], "test")}


def _on_features(run: _Prepared) -> _Prepared:
    """Return the run with features in the place of all images, computed where the cache has none."""
    config, fabric, splits = run.config, run.fabric, run.data.splits
    part, wanted = _wanted(run)
    kept = part.kept(wanted)
    normal = normalises(run.guidance.model, config)
    training = training_loader(config, splits["train"], fabric, normal, kept["train"], kept["composites"])
    loaders = {name: evaluation_loader(config, splits[name], fabric, kept[name]) for name in ("val", "test")}
    data = replace(run.data, loaders=loaders)
    if kept["replaced"]:
        data = replace(data, altered={"test": part.altered(run.data.loaders["test"], kept["replaced"][0])})
    return replace(run, data=data, training=training)


def _check_regions(config: Config, training: SplitDataset, validation: SplitDataset) -> None:
    """Raise `UserError` if there is nothing to guide with, or nothing to measure a goal by."""
    goals = {"--target_epg": config.target_epg, "--allowed_loss": config.allowed_loss}
    named = [f"{name} {value}" for name, value in goals.items() if value is not None]
    if config.guided and first_with_region(training) is None:
        raise UserError(
            f"{(named or [f'--lambda {config.lambda_:g}'])[0]}: there is nothing to guide with, none of the "
            f"{len(training)} training images has a region of a class that it has; mark about 25 of them"
        )
    if named and first_with_region(validation) is None:
        raise UserError(
            f"{named[0]}: EPG cannot be measured, none of the {len(validation)} validation images has a "
            "region; mark about 25 of them, or give --lambda instead"
        )


def _train(run: _Prepared) -> tuple[Sequence[Scores], Goal]:
    """Return the validation scores of each epoch, and by what goal the best one is chosen."""
    config, validation = run.config, run.data.loaders["val"]
    total = config.epochs * (len(run.training) + len(validation))
    state = read_state(run.folder)
    history: Sequence[Scores] = state["history"] if state else []
    with steps(run.folder.name, total, total * len(history) // config.epochs) as bar:

        def batches(epoch: int) -> Iterator[Batch]:
            cast(EpochSampler, run.training.sampler).set_epoch(epoch)
            return on_device(run.fabric, run.training)

        def score(model: nn.Module) -> Scores:
            found = score_checkpoint(model, config, run.data, "val", advance=bar.advance)
            return found.evaluation.flat

        if run.training.drop_last and run.fabric.is_global_zero:
            say("batch normalisation cannot use a single image: an epoch leaves out its last batch")
        goal = _goal(run, score)
        told = (config, goal, state, bar.advance, run.weighting)
        for epoch in train(run.fabric, run.guidance, batches, score, *told):
            history = epoch.history
            _keep(run, epoch)
    return history, goal


def _keep(run: _Prepared, epoch: Epoch) -> None:
    """Save an epoch; `state.pt` comes last, because an interrupted run continues from there."""
    if run.fabric.is_global_zero:
        folder, weights = run.folder, epoch.state["model"]
        write_weights(folder / LAST, weights)
        if epoch.best == epoch.number:
            write_weights(folder / BEST, weights)
        if epoch.front[-1]:
            write_weights(folder / FRONT / f"epoch-{epoch.number:03}.safetensors", weights)
        for number, kept in enumerate(epoch.front, start=1):
            if not kept:
                (folder / FRONT / f"epoch-{number:03}.safetensors").unlink(missing_ok=True)
        write_history(folder, epoch.history)
        _keep_cost(run, epoch.seconds)
        write_state(folder, epoch.state)
        say(f"{folder.name}  {_line(epoch.history[-1], run.main)}")
    run.fabric.barrier()


def _keep_cost(run: _Prepared, seconds_per_step: float) -> None:
    """Add an epoch to what training took."""
    config, images = run.config, images_of(run.training)
    before = read_cost(run.folder) if is_there(run.folder / STATE) else None
    spent = (before.seconds or 0.0) if before else 0.0
    cost = Cost(
        seconds_per_step,
        spent + seconds_per_step * len(run.training),
        len(images),
        int(images.annotated.sum()) if config.uses_regions else 0,
        len(images) if config.weighting in ("groups", "group_dro") else 0,
    )
    write_cost(run.folder, cost)


def _goal(run: _Prepared, score: Callable[[nn.Module], Scores]) -> Goal:
    """Return what lambda is adapted to; what may be lost is measured from the initial weights."""
    allowed = tolerated_loss(run.config)
    if allowed is None:
        return Goal(run.main, run.config.target_epg)
    start = score(run.guidance.model.to(run.fabric.device))[run.main]
    return Goal(run.main, run.config.target_epg, start - allowed, allowed)


def _line(row: Scores, main: str) -> str:
    names = ("loss", "localization", "lambda", main, *(score.name for score in fractions(row)))
    shown = [name for name in dict.fromkeys(names) if name in row]
    return f"epoch {row['epoch']:3g}  " + "  ".join(f"{name} {row[name]:.4f}" for name in shown)


def _test(run: _Prepared, history: Sequence[Scores], goal: Goal) -> Result:
    """Score the best epoch, the last and the front on the test split, each with its own IoU threshold."""
    best, last = best_of(history, goal), len(history)
    front = [epoch for epoch, kept in enumerate(front_of(history, goal.main), start=1) if kept]
    files = {epoch: f"{FRONT}/epoch-{epoch:03}.safetensors" for epoch in front} | {best: BEST, last: LAST}
    scores: dict[int, Scored] = {}
    with steps(f"{run.folder.name}: test", len(files) * len(run.data.loaders["test"])) as bar:
        for epoch, name in sorted(files.items()):
            load(run.model, run.folder / name, new_head=False)
            scores[epoch] = score_checkpoint(
                run.guidance.model,
                run.config,
                run.data,
                threshold=history[epoch - 1].get("iou_threshold"),
                reliance=epoch in (best, last),
                per_class=epoch in (best, last),
                advance=bar.advance,
            )
    evidence, found = scores[last].evidence, {epoch: each.evaluation for epoch, each in scores.items()}
    if evidence is not None and run.fabric.is_global_zero:
        write_evidence(run.folder, evidence)
    return Result(last, best, found[best], found[last], {epoch: found[epoch] for epoch in front}, VERSIONS)
