"""A round of guided training on frozen features, beside the whole network: `python benchmarks/frozen.py`.

Guided is at the frozen layer, where all that is trained lies behind it; the whole network is guided at the
input. Images are drawn ones; weights are random unless `--weights` names some. Times of an epoch are medians
in turns, F is one forward pass of the whole network for a batch, in evaluation mode. Floors count operations
alone: (1 - a) F for each batch to have the features, once, and 6 a F for each guided step, where a is the
trained part's share of the operations of a forward pass. MB is the peak of an epoch over what was there
before it, in a process of its own.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from memory import measured
from timing import timed
from torch.utils.flop_counter import FlopCounterMode

from model_guidance.allocation import keep_freed_memory
from model_guidance.data.loading import EpochSampler
from model_guidance.guidance import Guidance
from model_guidance.models import AfterLayer
from model_guidance.runs.devices import fabric_of
from model_guidance.runs.frozen import FrozenPart
from model_guidance.runs.setup import guidance_of, images_of, split_of, training_loader
from model_guidance.runs.trial import normalises
from model_guidance.training.config import Config
from model_guidance.training.lambda_schedule import Goal
from model_guidance.training.trainer import Epoch, train
from model_guidance.types import Batch

WHOLE = "nothing"
DEPTHS = ("mid2", "mid3", "final")
SCORES = {"accuracy": 0.0, "bce": 0.0, "epg": 0.0, "iou": 0.0}  # nothing is scored here
NOTHING = 0.001  # seconds: a floor that says nothing
COLUMNS = "frozen up to | a | features, s | floor | step, s | floor | times it | epoch, s | MB"


@dataclass(frozen=True)
class Round:
    """A round: its guidance, its epochs, one after the other, its steps, and how long its features took."""

    guidance: Guidance
    epochs: Iterator[Epoch]
    steps: int
    seconds: float


def started(config: Config) -> Round:
    """Return a round that is ready for its first epoch; the features are computed if they are not kept."""
    torch.manual_seed(config.seed)
    fabric, guidance, split = fabric_of(config), guidance_of(config, 2), split_of(config, "train")
    guidance.to(fabric.device)
    normal, start = normalises(guidance.model, config), time.perf_counter()
    batches = training_loader(config, split, fabric, normal)
    if config.frozen:
        part = FrozenPart(cast(AfterLayer, guidance.model), config, "benchmark", quiet=True)
        kept = part.kept({"train": part.views(images_of(batches), "train")})
        batches = training_loader(config, split, fabric, normal, kept["train"])
    seconds = time.perf_counter() - start

    def of_epoch(epoch: int) -> Iterator[Batch]:
        cast(EpochSampler, batches.sampler).set_epoch(epoch)
        return (batch.to(fabric.device) for batch in batches)

    epochs = train(fabric, guidance, of_epoch, lambda _: SCORES, config, Goal("accuracy"), steps=len(batches))
    return Round(guidance, epochs, len(batches), seconds)


def peak(config: Config) -> float:
    """Return by how many MB an epoch, after a first one, raises the peak of the memory in use."""
    it = started(config)
    next(it.epochs)
    return measured(lambda: next(it.epochs), fabric_of(config).device)


def trained_share(model: torch.nn.Module, images: torch.Tensor) -> float:
    """Return the share of a forward pass's operations that come after the frozen layer; of none: 1."""
    if not isinstance(model, AfterLayer):
        return 1.0
    whole, part = FlopCounterMode(display=False), FlopCounterMode(display=False)
    with torch.no_grad():
        features = model.features(images)
        with whole:
            model.module(images)
        with part:
            model(features)
    return part.get_total_flops() / whole.get_total_flops()


def rows(plain: Config, depths: Sequence[str], rounds: int) -> Iterator[str]:
    """Measure, and yield a row for each depth."""
    frozen = {depth: replace(plain, frozen=depth, layer=depth) for depth in depths}
    configs = {WHOLE: plain, **frozen}
    device, images = fabric_of(plain).device, torch.rand(plain.batch, 3, *plain.resizing.size)
    found = {depth: started(config) for depth, config in configs.items()}
    shares = {depth: trained_share(it.guidance.model, images.to(device)) for depth, it in found.items()}
    network = found[WHOLE].guidance.model

    @torch.no_grad()
    def forward() -> None:
        network.eval()(images.to(device))

    epochs = {depth: (lambda it=it: next(it.epochs)) for depth, it in found.items()}
    seconds = timed({"F": forward, **epochs}, rounds, device)
    for depth, it in found.items():
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            memory = pool.apply(peak, (configs[depth],))
        step, floor = seconds[depth] / it.steps, 6 * shares[depth] * seconds["F"]
        once = (1 - shares[depth]) * seconds["F"] * it.steps
        kept = ("–", "–") if depth == WHOLE else (f"{it.seconds:.1f}", f"{once:.1f}")
        ratio = f"{step / floor:.1f}" if floor > NOTHING else "–"
        times = [f"{step:.3f}", f"{floor:.3f}", ratio, f"{seconds[depth]:.2f}"]
        yield " | ".join([depth, f"{shares[depth]:.3f}", *kept, *times, f"{memory:.0f}"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="timm/tf_efficientnet_lite0")
    parser.add_argument("--weights")
    parser.add_argument("--images", type=int, default=192)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--depths", nargs="+", default=DEPTHS)
    given = parser.parse_args()
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as cache:
        shared = {name: getattr(given, name) for name in ("backbone", "weights", "size", "batch")}
        plain = Config(**shared, options={"count": given.images}, layer="input", lambda_=1.0, cache=cache)
        print(f"| {COLUMNS} |")
        print("|---" * (COLUMNS.count("|") + 1) + "|")
        for row in rows(replace(plain, workers=0, epochs=1 + given.rounds), given.depths, given.rounds):
            print(f"| {row} |", flush=True)


if __name__ == "__main__":
    main()
