"""Time of a training step by depth of guidance: `python benchmarks/step.py`.

The variants take turns in one process, so that a slower minute hits all of them. Printed are medians in
units of F, one forward pass of the same network in evaluation mode.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table

from model_guidance.losses.guidance import Guidance
from model_guidance.models import build
from model_guidance.types import Pairs, Regions

LAYERS = ("input", "mid1", "mid2", "mid3", "final")
METHODS = {"resnet50": "ixg", "xdnn_resnet50": "ixg", "bcos_resnet50": "bcos"}


def variants(name: str, images: torch.Tensor, classes: int) -> dict[str, Callable[[], None]]:
    """Return what is timed of one network, each a call without arguments."""
    model = build(name, classes)
    count, side = len(images), images.shape[-1]
    labels = torch.zeros(count, classes)
    labels[:, 0] = 1
    masks = torch.zeros(count, side, side, dtype=torch.bool)
    masks[:, : side // 2, : side // 2] = True
    first = torch.arange(count)
    regions = Regions(Pairs(first, torch.zeros_like(first)), masks)

    def forward() -> None:
        model.eval()
        with torch.no_grad():
            model(images)

    def step(layer: str, annotated: Regions) -> None:
        model.train()
        logits, localization = Guidance(model, METHODS[name], layer)(images, labels, annotated)
        (F.binary_cross_entropy_with_logits(logits, labels) + localization).backward()
        model.zero_grad()

    guided = {layer: lambda layer=layer: step(layer, regions) for layer in LAYERS}
    return {"F": forward, "baseline": lambda: step("final", regions[:0]), **guided}


def timed(calls: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each call, after one round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for counted in [False] + [True] * rounds:
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if counted:
                seconds[name].append(time.perf_counter() - start)
    return {name: median(each) for name, each in seconds.items()}


def main() -> None:
    """Time all networks and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    table = Table("network", "F, s", "baseline", *LAYERS, "input / mid2")
    for name in METHODS:
        torch.manual_seed(0)
        found = timed(variants(name, torch.rand(given.batch, 3, given.size, given.size), 20), given.rounds)
        shown = [f"{found[key] / found['F']:.1f}" for key in ("baseline", *LAYERS)]
        table.add_row(name, f"{found['F']:.2f}", *shown, f"{found['input'] / found['mid2']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
