"""What changes the weights in a step: an optimizer of torch's, its learning rate, and the average."""

import inspect
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from model_guidance.errors import UserError, listed
from model_guidance.training.config import Config
from model_guidance.training.weight_average import WeightAverage


class Optimisation:
    """The optimizer, the schedule of its learning rate, and the average of the weights, if there is one."""

    def __init__(self, optimizer: Optimizer, schedule: LRScheduler, average: WeightAverage | None):
        self.optimizer, self.schedule, self.average = optimizer, schedule, average
        self.learning_rate = math.nan

    def step(self) -> None:
        """Move the weights along their gradients; `learning_rate` is that of this step."""
        self.learning_rate = float(self.schedule.get_last_lr()[0])
        self.optimizer.step()
        self.schedule.step()
        if self.average is not None:
            self.average.update()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the network have the average for its weights, the same in every process, if there is one."""
        if self.average is None:
            yield
        else:
            self.average.share()
            with self.average.applied():
                yield

    def state_dict(self) -> dict[str, Any]:
        """Return what is needed to continue; the schedule follows from the number of epochs."""
        average = {} if self.average is None else {"average": self.average.values}
        return {"optimizer": self.optimizer.state_dict(), **average}


def optimizer_of(config: Config, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Return the optimizer of `torch.optim` that the settings name; upper case does not matter.

    Raises `UserError` if there is none, or if it does not take these settings or weights.
    """
    kinds = {name.lower(): each for name, each in vars(torch.optim).items() if _is_optimizer(each)}
    if config.optimizer.lower() not in kinds:
        known = listed(kinds, config.optimizer.lower())
        raise UserError(f"--optimizer {config.optimizer}: choose one of {known}")
    kind = kinds[config.optimizer.lower()]
    given = {"lr": config.lr, "weight_decay": config.weight_decay, "momentum": config.momentum}
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        if name not in inspect.signature(kind).parameters:
            raise UserError(f"--{name} {value}: {kind.__name__} has none, leave it out")
    try:
        return kind(parameters, **given)
    except (ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"--optimizer {config.optimizer}: {error}") from error


def check_optimizer(config: Config, parameters: Iterable[nn.Parameter]) -> None:
    """Raise `UserError` unless the optimizer takes these weights, and ordinary gradients and steps."""
    optimizer_of(config, parameters)
    weight = nn.Parameter(torch.ones(2, 2))
    weight.grad = torch.ones(2, 2)
    try:
        optimizer_of(config, [weight]).step()
    except (TypeError, RuntimeError) as error:
        reason = "it needs more than the gradients of a step"
        raise UserError(f"--optimizer {config.optimizer}: {reason} ({error})") from error


def schedule_of(config: Config, optimizer: Optimizer, steps: int, done: int) -> LRScheduler:
    """Return the learning rate's schedule for epochs of `steps` steps, of which `done` are over."""
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", config.lr)
    return LambdaLR(optimizer, partial(learning_rate_factor, config, steps), last_epoch=done * steps - 1)


def learning_rate_factor(config: Config, steps: int, step: int) -> float:
    """Return what the learning rate is multiplied by in a step, counted from 0, of epochs of `steps` steps.

    It rises in equal parts over the warm-up. Then it stays (constant), or falls to 0 along half a cosine that
    ends with the last epoch (cosine; arXiv 1608.03983, without restarts).
    """
    total = config.epochs * steps
    warm = round(config.warmup * (total if config.warmup < 1 else steps))
    if step < warm:
        return (step + 1) / warm
    if config.schedule == "constant":
        return 1.0
    return (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, total - warm)))) / 2


def _is_optimizer(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Optimizer) and found is not Optimizer
