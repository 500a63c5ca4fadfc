"""One training run, from settings to a finished folder: the only module that knows all stages."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from model_guidance.data import RegionSettings, Source, Split, SplitDataset, loader, open_source, open_split
from model_guidance.data.annotation import Kind, check_fraction
from model_guidance.data.loading import EpochSampler
from model_guidance.errors import UserError
from model_guidance.losses.guidance import Guidance
from model_guidance.metrics.classification import main_score
from model_guidance.metrics.evaluate import Measurement, evaluate
from model_guidance.models import build
from model_guidance.models.backbone import Backbone
from model_guidance.models.weights import load
from model_guidance.progress import steps
from model_guidance.selection import pareto_front
from model_guidance.training.checkpoint import Row, read_state, write
from model_guidance.training.config import Config
from model_guidance.training.folder import CLASSES, CONFIG, RESULT, STATE, claim, clear
from model_guidance.training.trainer import Judges, best_epoch, train
from model_guidance.types import Batch


@dataclass(frozen=True)
class _Job:
    """Everything that a run needs, checked and loaded."""

    config: Config
    folder: Path
    fabric: Fabric
    guidance: Guidance
    splits: dict[str, Split]
    loaders: dict[str, DataLoader[Any]]

    def batches(self, name: str) -> Iterator[Batch]:
        return on_device(self.fabric, self.loaders[name])


def train_run(config: Config, folder: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Train as `config` says, test the best and the last epoch, and return what `result.json` holds.

    An unfinished run of the same settings in `folder` is continued, to the same result. Raises `UserError`,
    before anything is written, for settings, data or weights that cannot be used, for a folder with a
    finished run (unless `overwrite`), and for one with another unfinished run.
    """
    claim(folder, config, overwrite)
    torch.set_flush_denormal(True)  # once a loss is nearly 0, denormal numbers make a CPU many times slower
    torch.manual_seed(config.seed)
    job = _prepare(config, folder)
    if job.fabric.is_global_zero:
        if overwrite:
            clear(folder)
        write(folder / CONFIG, config.yaml().encode())
        write(folder / CLASSES, json.dumps(job.splits["train"].classes).encode())
    job.fabric.barrier()
    result = _test(job, _train(job))
    if job.fabric.is_global_zero:
        write(folder / RESULT, json.dumps(result, indent=1).encode())
        (folder / STATE).unlink(missing_ok=True)
    return result


def _prepare(config: Config, folder: Path) -> _Job:
    """Check the settings from the cheapest to the dearest: the data are read last."""
    source = _source(config, "train")
    check_fraction(config.annotated, len(source.names))
    regions, guidance = _regions(config), _guidance(config, len(source.classes))
    fabric = fabric_of(config)
    splits = {name: split_of(config, name) for name in ("train", "val", "test")}
    if any(split.classes != source.classes for split in splits.values()):
        raise UserError(f"--data {config.data}: train, val and test do not have the same classes")
    return _Job(config, folder, fabric, guidance, splits, _loaders(config, splits, regions, fabric))


def split_of(config: Config, name: str) -> Split:
    """Return one cached split of the run's data."""
    root = Path(config.root) if config.root else None
    return open_split(config.data, root, name, config.size, config.cache_folder, config.options)


def measurement(config: Config, split: Split) -> Measurement:
    """Return what is measured of a run: its own attribution at its own layer."""
    return Measurement(config.attribution, config.layer, split.groups, split.exclusive)


def evaluation_loader(config: Config, split: Split) -> DataLoader[Any]:
    """Return batches of a split with all its boxes, in a fixed mixed order.

    Mixed, because reliance fills images with their neighbours' pixels, and data sets are often sorted.
    """
    regions = RegionSettings(outside=config.outside)
    return loader(SplitDataset(split, regions), config.batch, shuffle=True, workers=config.workers)


def _source(config: Config, split: str) -> Source:
    return open_source(config.data, Path(config.root) if config.root else None, split, **config.options)


def _guidance(config: Config, classes: int) -> Guidance:
    model = build(config.backbone, classes, config.weights)
    return Guidance(model, config.attribution, config.layer, config.loss, config.reduction)


def fabric_of(config: Config) -> Fabric:
    """Return the devices and the precision that the settings ask for; `UserError` if there are none."""
    try:
        fabric = Fabric(
            accelerator=config.accelerator, devices=config.devices, precision=cast(Any, config.precision)
        )
    except (ValueError, RuntimeError) as error:
        raise UserError(f"--accelerator, --devices or --precision: {' '.join(str(error).split())}") from error
    fabric.launch()
    return fabric


def _regions(config: Config) -> RegionSettings:
    kind = cast(Kind, config.regions)
    return RegionSettings(kind, config.dilate, config.outside, config.annotated, config.annotation_seed)


def _loaders(
    config: Config, splits: dict[str, Split], regions: RegionSettings, fabric: Fabric
) -> dict[str, DataLoader[Any]]:
    augment = config.data == "waterbirds" if config.augment is None else config.augment
    dataset = SplitDataset(splits["train"], regions, augment, config.seed)
    shard = (fabric.global_rank, fabric.world_size)
    training = loader(dataset, config.batch, True, config.seed, config.workers, shard)
    return {"train": training} | {name: evaluation_loader(config, splits[name]) for name in ("val", "test")}


def on_device(fabric: Fabric, batches: DataLoader[Any]) -> Iterator[Batch]:
    """Return the batches, each moved to the device when it is needed."""
    return (batch.to(fabric.device) for batch in batches)


def _train(job: _Job) -> list[Row]:
    config, split, loaders = job.config, job.splits["val"], job.loaders
    main, what = main_score(split.exclusive), measurement(config, split)
    total = config.epochs * (len(loaders["train"]) + len(loaders["val"]))

    def batches(epoch: int) -> Iterator[Batch]:
        cast(EpochSampler, loaders["train"].sampler).set_epoch(epoch)
        return job.batches("train")

    state = read_state(job.folder / STATE)
    done = total * len(state["history"]) // config.epochs if state else 0
    with steps(job.folder.name, total, done) as bar:
        judges = Judges(
            lambda model: evaluate(model, job.batches("val"), what, bar.advance),
            lambda rows: _front(rows, main),
            main,
            lambda row: bar.say(f"{job.folder.name}  {_line(row, main)}"),
            bar.advance,
        )
        return train(job.fabric, job.guidance, batches, judges, config, job.folder, state)


def _front(rows: Sequence[Row], main: str) -> list[bool]:
    scores = [[row.get(name, float("nan")) for name in (main, "epg", "iou")] for row in rows]
    return pareto_front(torch.tensor(scores)).tolist()


def _line(row: Row, main: str) -> str:
    shown = [name for name in ("loss", "localization", main, "map", "epg", "iou") if name in row]
    return f"epoch {row['epoch']:3g}  " + "  ".join(f"{name} {row[name]:.4f}" for name in shown)


def _test(job: _Job, history: list[Row]) -> dict[str, Any]:
    """Score the best and the last epoch on the test split, each with its own IoU threshold."""
    split, model = job.splits["test"], cast(Backbone, job.guidance.model)
    best = best_epoch(history, main_score(split.exclusive))
    epochs = {"best": best} if best < len(history) else {}
    epochs["last"] = len(history)
    result: dict[str, Any] = {"epochs": len(history), "best_epoch": best}
    with steps(f"{job.folder.name}: test", len(epochs) * len(job.loaders["test"])) as bar:
        for name, epoch in epochs.items():
            load(model, job.folder / f"{name}.safetensors")
            threshold = history[epoch - 1].get("iou_threshold")
            what = replace(measurement(job.config, split), threshold=threshold, reliance=True)
            result[name] = evaluate(model, job.batches("test"), what, bar.advance)
    return {"best": result["last"], **result}
