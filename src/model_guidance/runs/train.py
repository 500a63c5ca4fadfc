"""One training run, from settings to a finished folder."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import nn

from model_guidance.data.loading import EpochSampler
from model_guidance.data.opening import reader_of
from model_guidance.evaluation import Scores
from model_guidance.files import is_there, write
from model_guidance.metrics.catalogue import fractions
from model_guidance.metrics.evaluate import Scored
from model_guidance.models.weights import load
from model_guidance.progress import say, steps
from model_guidance.runs.checkpoints import read_state, write_state, write_weights
from model_guidance.runs.claim import check_claim, clear, goes_on, locked
from model_guidance.runs.evaluate import score_checkpoint
from model_guidance.runs.evidence import write_evidence
from model_guidance.runs.examples import write_examples
from model_guidance.runs.extension import keep_for_extension, reopen
from model_guidance.runs.folder import (
    BEST,
    CLASSES,
    CONFIG,
    FRONT,
    LAST,
    RESULT,
    STATE,
    read_classes,
    write_splits,
)
from model_guidance.runs.history import Cost, write_cost, write_history
from model_guidance.runs.log import Log
from model_guidance.runs.prepare import Prepared, on_features, prepare
from model_guidance.runs.remarks import chance, remarks
from model_guidance.runs.result import Result, write_result
from model_guidance.runs.second_attribution import score_second_attribution
from model_guidance.runs.setup import images_of, on_device
from model_guidance.runs.start import kept_weights
from model_guidance.runs.unchanged import check_classes, check_splits
from model_guidance.training.config import Config
from model_guidance.training.lambda_schedule import Goal, tolerated_loss
from model_guidance.training.trainer import Epoch, best_of, front_of, train
from model_guidance.types import Batch
from model_guidance.versions import VERSIONS


def train_run(config: Config, folder: Path, *, overwrite: bool = False) -> Result:
    """Train as `config` says, test what came out, and return the result, which `result.json` holds.

    Tested are the best epoch, the last, and all on the Pareto front of validation; for the last, the heat
    maps of some test images are kept; a guided model is also scored under an attribution that it was not
    trained for (`second_attribution`). An unfinished run of the same settings in `folder` is continued, to
    the same result, and so is a finished one of fewer epochs. Raises `UserError`, before anything is written,
    for settings, data or weights that cannot be used, for a folder with a finished run that cannot be trained
    further or with another run (`overwrite` replaces both), and for one in which another process trains.
    """
    check_claim(folder, config, overwrite)
    torch.set_flush_denormal(True)  # once a loss is nearly 0, denormal numbers make a CPU many times slower
    try:
        torch.manual_seed(config.seed)
        config = replace(config, weights=kept_weights(config.weights))
        run = prepare(config, folder)
        with locked(folder) if run.fabric.is_global_zero else nullcontext():
            return _run(run, overwrite)
    finally:
        torch.set_flush_denormal(False)


def _run(run: Prepared, overwrite: bool) -> Result:
    folder, config = run.folder, run.config
    if run.fabric.is_global_zero:
        _open_folder(run, overwrite)
    run.fabric.barrier()
    if config.frozen is not None:
        run = on_features(run)
    history, goal = _train(run)
    result = _test(run, history, goal)
    write_examples(folder, run.model, config, run.data.splits["test"], run.fabric)
    if config.guided:
        score_second_attribution(folder, run.guidance.model, config, run.data)
    if run.fabric.is_global_zero:
        if config.keep_state:
            keep_for_extension(folder)
        write_result(folder / RESULT, result)
        if not config.keep_state:
            (folder / STATE).unlink(missing_ok=True)
        validation = run.data.splits["val"]
        level = chance(validation.labels, validation.exclusive)
        for remark in remarks(config, history, result.best_epoch, run.main, level):
            say(f"{folder.name}: {remark}")
    return result


def _open_folder(run: Prepared, overwrite: bool) -> None:
    """Begin the run in its folder, or see to it that the one that lies there can go on."""
    folder, config = run.folder, run.config
    drawn = run.names if reader_of(config.data).draws else None
    check_claim(folder, config, overwrite)  # another process may have been here since
    if overwrite and not goes_on(folder, config):
        clear(folder)
    elif is_there(folder / STATE):
        if overwrite:
            say(f"{folder.name}: an unfinished run of these settings goes on; to begin anew, delete it")
        check_classes(config.data, read_classes(folder), run.classes, folder)
        if drawn is not None:
            check_splits(config.data, drawn, folder, exactly=True)
        if is_there(folder / RESULT):
            reopen(folder)
    write(folder / CONFIG, config.yaml().encode())
    write(folder / CLASSES, json.dumps(run.classes).encode())
    if drawn is not None:
        write_splits(folder, drawn)


def _train(run: Prepared) -> tuple[Sequence[Scores], Goal]:
    """Return the validation scores of each epoch, and by what goal the best one is chosen."""
    config, validation = run.config, run.data.loaders["val"]
    total = config.epochs * (len(run.training) + len(validation))
    state = read_state(run.folder)
    history: Sequence[Scores] = state["history"] if state else []
    log = _log(run, history) if run.fabric.is_global_zero else None
    with steps(run.folder.name, total, total * len(history) // config.epochs) as bar:

        def batches(epoch: int) -> Iterator[Batch]:
            cast(EpochSampler, run.training.sampler).set_epoch(epoch)
            return on_device(run.fabric, run.training)

        def score(model: nn.Module) -> Scores:
            if log is not None:
                log.draw(run.model, run.fabric.device)
            found = score_checkpoint(model, config, run.data, "val", advance=bar.advance)
            return found.evaluation.flat

        if run.training.drop_last and run.fabric.is_global_zero:
            say("batch normalisation cannot use a single image: an epoch leaves out its last batch")
        goal = _goal(run, score)
        told = (config, goal, state, bar.advance, run.weighting, run.classification)
        for epoch in train(run.fabric, run.guidance, batches, score, *told, steps=len(run.training)):
            history = epoch.history
            _keep(run, epoch)
            if log is not None:
                log.epoch(history[-1])
    if log is not None:
        log.close()
    if len(history) < config.epochs and run.fabric.is_global_zero:
        gone = f"epoch {len(history)} of {config.epochs}"
        say(f"{run.folder.name}: ends with {gone}, none of the last {config.patience} was better")
    return history, goal


def _log(run: Prepared, history: Sequence[Scores]) -> Log:
    return Log(run.folder, run.config, run.data.splits["val"], history)


def _keep(run: Prepared, epoch: Epoch) -> None:
    """Save an epoch; `state.pt` comes last, because an interrupted run continues from there."""
    if run.fabric.is_global_zero:
        folder, weights = run.folder, epoch.weights
        write_weights(folder / LAST, weights)
        if epoch.best == epoch.number:
            write_weights(folder / BEST, weights)
        if epoch.front[-1]:
            write_weights(folder / FRONT / f"epoch-{epoch.number:03}.safetensors", weights)
        for number, kept in enumerate(epoch.front, start=1):
            if not kept:
                (folder / FRONT / f"epoch-{number:03}.safetensors").unlink(missing_ok=True)
        write_history(folder, epoch.history)
        _keep_cost(run, epoch)
        write_state(folder, epoch.state)
        say(f"{folder.name}  {_line(epoch.history[-1], run.main)}")
    run.fabric.barrier()


def _keep_cost(run: Prepared, epoch: Epoch) -> None:
    """Write what training took so far."""
    config, images = run.config, images_of(run.training)
    annotated = int(images.annotated.sum()) if config.uses_regions else 0
    grouped = len(images) if run.weighting is not None and run.weighting.uses_groups else 0
    spent, passes = epoch.state["seconds"], epoch.state["passes"]
    write_cost(run.folder, Cost(epoch.seconds, spent, len(images), annotated, grouped, passes))


def _goal(run: Prepared, score: Callable[[nn.Module], Scores]) -> Goal:
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


def _test(run: Prepared, history: Sequence[Scores], goal: Goal) -> Result:
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
