"""The training loop: one flat pass over epochs and batches."""

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn

from model_guidance.autodiff.batch_statistics import freeze_statistics
from model_guidance.errors import UserError
from model_guidance.files import write
from model_guidance.guidance import Guidance
from model_guidance.runs.checkpoints import Row, write_history, write_state, write_weights
from model_guidance.runs.folder import STATE, TIMING
from model_guidance.training.config import Config
from model_guidance.types import Batch, Pairs, Regions


@dataclass(frozen=True)
class Callbacks:
    """What the loop asks others for: it knows no metric and no selection rule.

    `evaluate` scores the model on validation data; of all rows so far, `front` says which epochs are on the
    Pareto front, `best` which one, from 1, is the best, and `next_lambda` what the next epoch's weight of
    the localization loss is; `report` is told each finished epoch and `advance` each step.
    """

    evaluate: Callable[[nn.Module], Row]
    front: Callable[[Sequence[Row]], list[bool]]
    best: Callable[[Sequence[Row]], int]
    next_lambda: Callable[[Sequence[Row]], float]
    report: Callable[[Row], None]
    advance: Callable[[str], None]


def train(
    fabric: Fabric,
    guidance: Guidance,
    batches: Callable[[int], Iterable[Batch]],
    callbacks: Callbacks,
    config: Config,
    folder: Path,
    state: dict[str, Any] | None,
) -> list[Row]:
    """Train, and return the validation scores of each epoch.

    `batches(epoch)` gives the batches of an epoch. After each epoch the folder holds `last`, `best` and
    the Pareto front (`front/epoch-NNN`), all as safetensors, the history, and `state.pt`. Given that
    `state`, an interrupted run continues to the same result: whatever is random in an epoch is seeded by
    its number. Raises `UserError` if the loss is no longer finite.
    """
    history: list[Row] = state["history"] if state else []
    if state:
        guidance.model.load_state_dict(state["model"])
    optimizer: torch.optim.Optimizer = torch.optim.Adam(guidance.parameters(), lr=config.lr)
    wrapped, optimizer = fabric.setup(_PlainArguments(guidance), optimizer)
    if state:
        optimizer.load_state_dict(state["optimizer"])
    for epoch in range(len(history) + 1, config.epochs + 1):
        torch.manual_seed(config.seed * 1_000_003 + epoch)
        guidance.train()
        if config.freeze_statistics:
            freeze_statistics(guidance)
        lambda_ = callbacks.next_lambda(history)
        losses, guided, start = [], 0, time.perf_counter()
        for batch in batches(epoch):
            regions = batch.regions if config.guided else batch.regions[:0]
            classification, localization = _both_losses(wrapped, batch, regions)
            optimizer.zero_grad()
            fabric.backward(classification + lambda_ * localization)
            optimizer.step()
            losses.append(torch.stack([classification, localization]).detach())
            guided += len(regions) > 0
            callbacks.advance(f"epoch {epoch}/{config.epochs}")
        row = _mean_losses(fabric, epoch, losses, guided) | {"lambda": lambda_}
        seconds = (time.perf_counter() - start) / len(losses)
        _share_buffers(guidance)
        history.append(row | callbacks.evaluate(guidance.model))
        if fabric.is_global_zero:
            _save(folder, guidance.model, optimizer, history, callbacks)
            write(folder / TIMING, json.dumps({"seconds_per_step": seconds}).encode())
            callbacks.report(history[-1])
        fabric.barrier()
    return history


def _both_losses(wrapped: nn.Module, batch: Batch, regions: Regions) -> tuple[Tensor, Tensor]:
    pairs = regions.pairs
    logits, localization = wrapped(
        batch.images / 255, batch.labels, pairs.images, pairs.classes, regions.masks, pairs.distinct
    )
    return F.binary_cross_entropy_with_logits(logits, batch.labels), localization


class _PlainArguments(nn.Module):
    """Guidance without records: Fabric cannot convert the precision of what lies in one."""

    def __init__(self, guidance: Guidance):
        super().__init__()
        self.guidance = guidance

    def forward(
        self, images: Tensor, labels: Tensor, owners: Tensor, classes: Tensor, masks: Tensor, distinct: bool
    ) -> tuple[Tensor, Tensor]:
        return self.guidance(images, labels, Regions(Pairs(owners, classes, distinct), masks))


def _mean_losses(fabric: Fabric, epoch: int, losses: Sequence[Tensor], guided: int) -> Row:
    """Return the mean losses of an epoch, localization over its `guided` steps; one read from the device."""
    sums = cast(Tensor, fabric.all_reduce(torch.stack(list(losses)).double().sum(dim=0))).tolist()
    classification, localization = sums[0] / len(losses), sums[1] / max(guided, 1)
    if not math.isfinite(classification + localization):
        raise UserError(f"the loss is no longer finite in epoch {epoch}: lower --lr or --lambda")
    return {"epoch": epoch, "loss": classification, "localization": localization}


def _share_buffers(model: nn.Module) -> None:
    """Give every process the running statistics of the first, so that all evaluate, and save, one model."""
    if dist.is_available() and dist.is_initialized():
        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)


def _save(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    history: Sequence[Row],
    callbacks: Callbacks,
) -> None:
    """Save the last epoch; `state.pt` comes last, because an interrupted run continues from there."""
    weights, epoch = model.state_dict(), len(history)
    write_weights(folder / "last.safetensors", weights)
    if callbacks.best(history) == epoch:
        write_weights(folder / "best.safetensors", weights)
    front = {f"epoch-{i:03}.safetensors" for i, kept in enumerate(callbacks.front(history), start=1) if kept}
    if f"epoch-{epoch:03}.safetensors" in front:
        write_weights(folder / "front" / f"epoch-{epoch:03}.safetensors", weights)
    for file in (folder / "front").glob("epoch-*.safetensors"):
        if file.name not in front:
            file.unlink()
    write_history(folder, history)
    state = {"model": weights, "optimizer": optimizer.state_dict(), "history": list(history)}
    write_state(folder / STATE, state)
