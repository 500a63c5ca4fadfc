"""Finding lambda while training: a dual variable that rises until the goal is met, in bounded steps."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from model_guidance.selection import ALLOWED_LOSS
from model_guidance.training.config import Config

START = 0.05  # the first lambda where none is given
RATE = 4.0  # a lack of 25 points of EPG multiplies lambda by e; with more it swings around a steep switch
LARGEST_STEP = math.log(4)  # lambda is a switch: an unbounded step would jump over the threshold
BOUNDS = (1e-6, 1e6)


@dataclass(frozen=True)
class Goal:
    """What an adapted lambda is to reach on validation data.

    `epg` is the EPG that is wanted (None: as much as possible), `least` the `main` score (F1 or accuracy)
    that must be kept (None: any loss is accepted) and `allowed` how far that lies below the start.
    """

    main: str
    epg: float | None = None
    least: float | None = None
    allowed: float = ALLOWED_LOSS


def tolerated_loss(config: Config) -> float | None:
    """Return how much F1 or accuracy an adapted lambda may cost; None: nothing to lose, or no goal."""
    if config.allowed_loss is None and config.target_epg is not None and config.weights is not None:
        return ALLOWED_LOSS
    return config.allowed_loss


def next_lambda(current: float, scores: Mapping[str, float], goal: Goal) -> float:
    """Return the lambda of the next epoch, given the validation scores of the last.

    Each part of the goal is a constraint, and lambda its multiplier, moved by exponentiated gradient ascent
    `lambda <- lambda * exp(clip(step, -LARGEST_STEP, LARGEST_STEP))`. The step is `RATE * (epg - EPG)`, and
    for what must be kept `LARGEST_STEP * (main - least) / (2 * allowed)`: back at full speed when three times
    as much is lost as allowed. The smaller step is taken: EPG follows lambda late, and a lambda that rises
    until it does would destroy the classifier. Without a goal lambda is constant.
    """
    steps = []
    if goal.epg is not None:
        steps.append(RATE * (goal.epg - scores.get("epg", 0.0)))
    if goal.least is not None:
        room = scores.get(goal.main, 0.0) - goal.least
        steps.append(LARGEST_STEP * room / (2 * max(goal.allowed, 0.01)))
    if not steps:
        return current
    step = max(-LARGEST_STEP, min(LARGEST_STEP, *steps))
    return max(BOUNDS[0], min(BOUNDS[1], current * math.exp(step)))
