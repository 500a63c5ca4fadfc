"""Medians of calls that take turns, so that a slower minute hits all of them."""

import time
from collections.abc import Callable, Mapping
from statistics import median

import torch


def timed(
    calls: Mapping[str, Callable[[], object]], rounds: int, device: torch.device, warm: bool = False
) -> dict[str, float]:
    """Return the median seconds of each call, after one round that is not counted unless all is `warm`."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for counted in [warm] + [True] * (rounds - warm):
        for name, call in calls.items():
            start = _now(device)
            call()
            if counted:
                seconds[name].append(_now(device) - start)
    return {name: median(each) for name, each in seconds.items()}


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
