"""The training loop: one flat pass over epochs and batches."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor, nn

from model_guidance.attribution import passes_of
from model_guidance.autodiff.batch_statistics import freeze_statistics
from model_guidance.errors import UserError
from model_guidance.evaluation import Scores
from model_guidance.guidance import Guidance
from model_guidance.guided import guided_images
from model_guidance.metrics.catalogue import FRONT
from model_guidance.models.layers import unwrapped
from model_guidance.selection import best_epoch, epochs_since_gain, pareto_front
from model_guidance.training.classification import ClassificationLoss
from model_guidance.training.config import Config
from model_guidance.training.lambda_schedule import START, Goal, next_lambda
from model_guidance.training.optimisation import Optimisation, optimizer_of, schedule_of
from model_guidance.training.weight_average import WeightAverage
from model_guidance.training.weighting import Weighting
from model_guidance.types import Batch, Pairs, Regions


@dataclass(frozen=True)
class Epoch:
    """What is known once an epoch is over.

    `history` holds one row of losses and validation scores for each epoch so far, `best` is the number, from
    1, of the best of them, and `front` says which are on the Pareto front of validation. `state` is all that
    is needed to continue from here, and what the steps of all epochs took: "seconds", and "passes", see
    `runs.history.Cost`. `seconds` is how long a step of this one took.
    """

    history: Sequence[Scores]
    best: int
    front: Sequence[bool]
    state: dict[str, Any]
    seconds: float

    @property
    def weights(self) -> dict[str, Tensor]:
        """What was scored, and is to be saved: the weights, or their average where there is one."""
        return self.state["average"] if "average" in self.state else self.state["model"]

    @property
    def number(self) -> int:
        """Which epoch this is, from 1."""
        return len(self.history)


def train(
    fabric: Fabric,
    guidance: Guidance,
    batches: Callable[[int], Iterable[Batch]],
    score: Callable[[nn.Module], Scores],
    config: Config,
    goal: Goal,
    state: dict[str, Any] | None = None,
    advance: Callable[[str], None] = lambda _: None,
    weighting: Weighting | None = None,
    classification: ClassificationLoss | None = None,
    *,
    steps: int,
) -> Iterator[Epoch]:
    """Train, and yield each epoch when it is over.

    `batches(epoch)` gives the batches of an epoch, `score` the validation scores of a model; `advance` is
    told each step; `weighting` says how much each image counts, None: all the same; `classification` is the
    loss of the logits, None: the published one; an epoch has so many `steps`. Given the `state` of an earlier
    epoch, training continues from there to the same result: whatever is random in an epoch is seeded by its
    number. Where weights are averaged, the average is scored. Raises `UserError` if the loss or a weight is
    no longer finite.
    """
    loss = classification or ClassificationLoss()
    history: list[Scores] = list(state["history"]) if state else []
    spent = state.get("seconds", 0.0) if state else 0.0
    passes: int | None = state.get("passes") if state else 0
    network, _ = unwrapped(guidance.model)
    if state:
        network.load_state_dict(state["model"])
        if weighting is not None:
            weighting.load_state_dict(state["weighting"])
    each_explained = passes_of(network, guidance.method)
    wrapped, optimisation = _set_up(fabric, guidance, config, state, steps)
    while not is_over(config, history, goal):
        epoch = len(history) + 1
        torch.manual_seed(config.seed * 1_000_003 + epoch)
        guidance.train()
        if config.freeze_statistics:
            freeze_statistics(guidance)
        lambda_, start = _lambda(config, history, goal), time.perf_counter()
        guiding = lambda_ if config.guided else None
        done = []
        for each in _steps(fabric, wrapped, optimisation, batches(epoch), guiding, weighting, loss):
            done.append(each)
            advance(f"epoch {epoch}/{config.epochs}")
        means, classified, explained = _summed(fabric, done)
        if passes is not None:
            passes += classified + round(explained * guidance.part) * each_explained
        row = {"epoch": epoch, **means, "lambda": lambda_}
        row["learning_rate"] = optimisation.learning_rate
        seconds = time.perf_counter() - start
        spent += seconds
        _share_buffers(guidance)
        _check_finite(row, network)
        with optimisation.averaged():
            history.append(row | score(guidance.model))
        kept = {
            "model": network.state_dict(),
            **optimisation.state_dict(),
            "seconds": spent,
            "passes": passes,
        }
        if scale := fabric.strategy.precision.state_dict():  # by how much gradients of fp16 are scaled
            kept["precision"] = scale
        if weighting is not None:
            kept["weighting"] = weighting.state_dict()
        yield _epoch(history, goal, kept, seconds / len(done))


def _set_up(
    fabric: Fabric, guidance: Guidance, config: Config, state: dict[str, Any] | None, steps: int
) -> tuple[nn.Module, Optimisation]:
    """Return the guidance as the devices need it, and what changes its weights, as `state` left it."""
    own = optimizer_of(config, guidance.parameters())
    wrapped, optimizer = fabric.setup(_PlainArguments(guidance), own)
    average = WeightAverage(unwrapped(guidance.model)[0], config.ema) if config.ema is not None else None
    if state:
        optimizer.load_state_dict(state["optimizer"])
        if state.get("precision"):
            fabric.strategy.precision.load_state_dict(state["precision"])
        if average is not None:
            average.load(state["average"])
    schedule = schedule_of(config, own, steps, len(state["history"]) if state else 0)
    return wrapped, Optimisation(optimizer, schedule, average)


def is_over(config: Config, history: Sequence[Scores], goal: Goal) -> bool:
    """Return whether there were as many epochs as asked for, or too many in a row without a better one."""
    if config.patience is None or not history:
        return len(history) >= config.epochs
    idle = epochs_since_gain(history, goal.main, target_epg=goal.epg, least=goal.least)
    return len(history) >= config.epochs or idle >= config.patience


@dataclass(frozen=True)
class _Step:
    """The two losses of a step, `[2]`, how many images it classified, and how many it explained."""

    losses: Tensor
    classified: int
    explained: Tensor
    has_region: bool


def _steps(
    fabric: Fabric,
    wrapped: nn.Module,
    optimisation: Optimisation,
    batches: Iterable[Batch],
    lambda_: float | None,
    weighting: Weighting | None,
    loss: ClassificationLoss,
) -> Iterator[_Step]:
    """Do a step for each batch, and yield what it was; `lambda_` None: a baseline."""
    for batch in batches:
        regions = batch.regions[:0] if lambda_ is None else batch.regions
        classification, localization = _both_losses(wrapped, batch, regions, weighting, loss)
        optimisation.optimizer.zero_grad()
        fabric.backward(classification + (lambda_ or 0.0) * localization)
        optimisation.step()
        losses = torch.stack([classification, localization]).detach()
        yield _Step(losses, len(batch.labels), guided_images(batch.labels, regions), len(regions) > 0)


def _both_losses(
    wrapped: nn.Module,
    batch: Batch,
    regions: Regions,
    weighting: Weighting | None,
    loss: ClassificationLoss,
) -> tuple[Tensor, Tensor]:
    pairs = regions.pairs
    logits, localization = wrapped(
        batch.inputs,
        batch.labels,
        (pairs.image_index, pairs.class_index, pairs.distinct),
        (regions.masks, regions.valid, regions.images),
    )
    return _classification(logits, batch, weighting, loss), localization


def _classification(
    logits: Tensor, batch: Batch, weighting: Weighting | None, loss: ClassificationLoss
) -> Tensor:
    if batch.weights is None and weighting is None:
        return loss.mean(logits, batch.labels)
    losses = loss(logits, batch.labels)
    weights = torch.full_like(losses, 1 / len(losses)) if batch.weights is None else batch.weights
    if weighting is not None:
        weights = weights * weighting(losses.detach(), batch)
    return (weights * losses).sum()


class _PlainArguments(nn.Module):
    """Guidance without records: Fabric cannot convert the precision of what lies in one."""

    def __init__(self, guidance: Guidance):
        super().__init__()
        self.guidance = guidance

    def forward(
        self,
        images: Tensor,
        labels: Tensor,
        pairs: tuple[Tensor, Tensor, bool],
        masks: tuple[Tensor, Tensor | None, int | None],
    ) -> tuple[Tensor, Tensor]:
        return self.guidance(images, labels, Regions(Pairs(*pairs), *masks))


def _lambda(config: Config, history: Sequence[Scores], goal: Goal) -> float:
    if not history:
        return config.lambda_ or (START if config.guided else 0.0)
    return next_lambda(history[-1]["lambda"], history[-1], goal)


def _summed(fabric: Fabric, done: Sequence[_Step]) -> tuple[Scores, int, int]:
    """Return an epoch's mean losses, and of all processes how many images were classified and explained.

    The mean of localization is over the steps in which some process had a region. One read from the device.
    """
    rows = torch.stack([torch.cat([each.losses, each.explained.to(each.losses)[None]]) for each in done])
    counts = torch.tensor([[each.classified, each.has_region] for each in done])
    columns = torch.cat([rows.cpu(), counts], dim=1).double()  # Apple's have no float64
    if fabric.world_size > 1:
        columns = cast(Tensor, fabric.all_reduce(columns.to(fabric.device)))  # the mean
    classification, localization, explained, classified, _ = columns.sum(dim=0).tolist()
    guided = max(int((columns[:, -1] > 0).sum()), 1)
    means = {"loss": classification / len(done), "localization": localization / guided}
    return means, round(classified * fabric.world_size), round(explained * fabric.world_size)


def _check_finite(row: Scores, model: nn.Module) -> None:
    """Raise `UserError` if a loss, a weight or a running statistic is not finite: such a model is useless."""
    epoch = row["epoch"]
    if not math.isfinite(row["loss"] + row["localization"]):
        raise UserError(f"the loss is no longer finite in epoch {epoch}: lower --lr or --lambda")
    for name, value in model.state_dict().items():
        if not value.isfinite().all():
            raise UserError(f"'{name}' is no longer finite in epoch {epoch}: lower --lr or --lambda")


def _share_buffers(model: nn.Module) -> None:
    """Give every process the running statistics of the first, so that all evaluate, and save, one model."""
    if dist.is_available() and dist.is_initialized():
        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)


def _epoch(history: Sequence[Scores], goal: Goal, state: dict[str, Any], seconds: float) -> Epoch:
    rows = list(history)
    return Epoch(rows, best_of(rows, goal), front_of(rows, goal.main), state | {"history": rows}, seconds)


def best_of(history: Sequence[Scores], goal: Goal) -> int:
    """Return the number, from 1, of the best epoch for this goal."""
    return best_epoch(history, goal.main, target_epg=goal.epg, least=goal.least)


def front_of(history: Sequence[Scores], main: str) -> list[bool]:
    """Return which epochs no other one beats in F1 or accuracy, EPG and IoU on validation."""
    scores = [[row.get(name, float("nan")) for name in (main, *FRONT)] for row in history]
    return pareto_front(torch.tensor(scores)).tolist()
