"""What `mg.keep_freed_memory` brings to guided steps on a CPU: `python benchmarks/allocation.py`.

Each network is guided at the input, with memory as glibc keeps it and with freed memory kept, in turns, each
time in a process of its own. Printed are medians over the rounds.
"""

import argparse
import multiprocessing
import resource
import time
from statistics import median
from typing import NamedTuple

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from work import guided, step, work

from model_guidance.allocation import keep_freed_memory

CASES = {"small": (32, 64), "torchvision/mobilenet_v2": (8, 224), "resnet50": (8, 224)}  # batch, pixels
STEPS = 4


class Cost(NamedTuple):
    """Seconds of a step, of which so many in the system, and the most memory that the process had in MB."""

    seconds: float
    system: float
    peak: float


def cost(name: str, kept: bool) -> Cost:
    """Return what a step costs, after a first one that is not counted."""
    if kept and not keep_freed_memory():
        raise SystemExit("freed memory cannot be kept: needs glibc, and no MALLOC_... in the environment")
    batch, size = CASES[name]
    it = work(name, batch, size, torch.device("cpu"))
    run = step(it, guided(it, "input", "energy"))
    run()
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for _ in range(STEPS):
        run()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return Cost(seconds / STEPS, (after.ru_stime - before.ru_stime) / STEPS, after.ru_maxrss / 1024)


def costs(name: str, rounds: int) -> tuple[Cost, Cost]:
    """Return the medians without and with freed memory kept."""
    found: tuple[list[Cost], list[Cost]] = ([], [])
    for _ in range(rounds):
        for kept in (False, True):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found[kept].append(pool.apply(cost, (name, kept)))
    without, kept = (Cost(*map(median, zip(*each, strict=True))) for each in found)
    return without, kept


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*CASES, []], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    table = Table("network", "batch", "pixels", "step, s", "kept", "ratio", "system, s", "kept", "MB", "kept")
    for name in track(given.names or list(CASES), "networks"):
        without, kept = costs(name, given.rounds)
        pairs = [
            f"{each:.{digits}f}" for a, digits in ((0, 3), (1, 2), (2, 0)) for each in (without[a], kept[a])
        ]
        ratio = f"{without.seconds / kept.seconds:.2f}"
        table.add_row(name, *map(str, CASES[name]), *pairs[:2], ratio, *pairs[2:])
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
