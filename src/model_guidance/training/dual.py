"""Finding lambda while training: a dual variable that rises until the goal is met, in bounded steps."""

import math
from collections.abc import Mapping

START = 0.05  # the first lambda where none is given
RATE = 4.0  # a lack of 25 points of EPG multiplies lambda by e; with more it swings around a steep switch
LARGEST_STEP = math.log(4)  # lambda is a switch: an unbounded step would jump over the threshold
BOUNDS = (1e-6, 1e6)


def next_lambda(
    current: float,
    scores: Mapping[str, float],
    main: str,
    *,
    target_epg: float | None = None,
    least: float | None = None,
) -> float:
    """Return the lambda of the next epoch, given the validation scores of the last.

    The goal is a constraint, and lambda its multiplier, moved by exponentiated gradient ascent
    `lambda <- lambda * exp(clip(RATE * lack, -LARGEST_STEP, LARGEST_STEP))`. `lack` is `target_epg - EPG`,
    or, where the goal is as much EPG as possible with a `main` score (F1 or accuracy) of at least `least`,
    the distance that is left to it. With both, whichever asks for the smaller lambda. Without either,
    lambda is constant.
    """
    lacks = []
    if target_epg is not None:
        lacks.append(target_epg - scores.get("epg", 0.0))
    if least is not None:
        lacks.append(scores.get(main, 0.0) - least)
    if not lacks:
        return current
    step = max(-LARGEST_STEP, min(LARGEST_STEP, RATE * min(lacks)))
    return max(BOUNDS[0], min(BOUNDS[1], current * math.exp(step)))
