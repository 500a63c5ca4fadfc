"""One row of `models.py`: `python benchmarks/network_row.py NAME BATCH ROUNDS SECONDS`, printed as JSON."""

import json
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import torch
from memory import measured
from networks import CLASSES, NETWORKS, network
from timing import timed
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

import model_guidance as mg
from model_guidance.allocation import keep_freed_memory
from model_guidance.attribution import capture
from model_guidance.autodiff import tape
from model_guidance.errors import UserError
from model_guidance.types import Regions

CPU = torch.device("cpu")
STEPS = (1e-6, 1e-7, 1e-8)  # of finite differences


def row(name: str, batch: int, rounds: int, least: float) -> dict[str, object]:
    """Return everything about one network."""
    keep_freed_memory()
    megabytes = [in_a_process_of_its_own(peak, name, batch, plain) for plain in (False, True)]
    model, images, labels = work(name, batch)
    listed = mg.layers(model, images)
    found: dict[str, object] = {"layers": len(listed)}
    final = next((each for each in listed if each.depth == "final"), None)
    layers = ["input"]
    if final:
        layers.append("final")
        found["final"] = f"{final.name} {final.rows} x {final.columns} {final.layout}"
        found["map"] = f"{difference(name, final.name):.0e}"
    else:
        found |= {"final": "none", "map": "-", "step final": "-", "ratio final": "-"}
    found["input"] = way(model, images)
    found["fd"] = f"{derivative_error(name):.0e}"
    for layer in layers:
        ours, plain = costs(guided_step(model, images, labels, layer), model, images, rounds, least)
        found[f"step {layer}"], found[f"ratio {layer}"] = f"{ours:.1f}", f"{plain / ours:.2f}"
    found["MB"] = f"{megabytes[0]:.0f} ({megabytes[1]:.0f})"
    return found


def in_a_process_of_its_own(call: Callable[..., float], *given: object) -> float:
    """Return what a call returns; forked before anything was computed here, which would keep memory."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(call, given)


def peak(name: str, batch: int, plain: bool) -> float:
    """Return the peak memory of a guided step at the input."""
    step = guided_step(*work(name, batch), "input")
    with double_backward() if plain else nullcontext():
        return measured(step, CPU)


def work(name: str, batch: int, dtype: torch.dtype = torch.float) -> tuple[nn.Module, Tensor, Tensor]:
    """Return a network in evaluation mode, images and their classes."""
    model, size = network(name).eval().to(dtype), NETWORKS[name].size
    return model, torch.rand(batch, 3, size, size).to(dtype), torch.arange(batch) % CLASSES


def boxes(images: Tensor, labels: Tensor) -> Regions:
    """Return a region of each image, its upper left quarter."""
    half = images.shape[-1] // 2
    return mg.from_boxes([[(int(each), (0, 0, half, half))] for each in labels], size=images.shape[-2:])


@contextmanager
def double_backward() -> Iterator[None]:
    """Let autograd alone take the way back, as the method was published."""
    with patch.dict(tape.ADJOINTS, clear=True):
        yield


def guided_step(model: nn.Module, images: Tensor, labels: Tensor, layer: str) -> Callable[[], None]:
    """Return a training step without the optimizer."""
    guidance, regions = mg.Guidance(model, "ixg", layer), boxes(images, labels)

    def step() -> None:
        model.train()
        logits, localization = guidance(images, labels, regions)
        (cross_entropy(logits, labels) + localization).backward()
        model.zero_grad()

    return step


def costs(
    step: Callable[[], None], model: nn.Module, images: Tensor, rounds: int, least: float
) -> tuple[float, float]:
    """Return what a guided step costs, ours and by plain double backward, in forward passes.

    Both are medians of so many rounds, or of more if these take less than `least` seconds together.
    """

    def forward() -> None:
        model.eval()
        with torch.no_grad():
            model(images)

    def plain() -> None:
        with double_backward():
            step()

    calls = {"F": forward, "ours": step, "plain": plain}
    once = sum(timed(calls, 1, CPU).values())
    found = timed(calls, max(rounds, int(least / once)), CPU, warm=True)
    return found["ours"] / found["F"], found["plain"] / found["F"]


def way(model: nn.Module, images: Tensor) -> str:
    """Return "tape", or the first operation that has no adjoint."""
    explanation = capture(model, images, "ixg", "input", create_graph=True)
    return explanation.captured.without_adjoint or "tape"


def difference(name: str, module: str) -> float:
    """Return how far the map at a module is from the nearest reading of what a hook on it sees, in float64.

    In float32, maps of a transformer with random weights are hardly more than rounding.
    """
    model, images, labels = work(name, 2, torch.double)
    ours = mg.attribute(model, images, labels, method="ixg", layer=module)
    kept: list[Tensor] = []
    handle = model.get_submodule(module).register_forward_hook(lambda *seen: kept.append(seen[2]))
    logits = model(images.clone().requires_grad_())
    handle.remove()
    chosen = logits[torch.arange(len(labels)), labels].sum()
    product = (kept[0] * torch.autograd.grad(chosen, kept[0])[0]).detach()
    readings = [
        interpolate(each[:, None], images.shape[-2:], mode="bilinear")[:, 0] for each in _read(product)
    ]
    return min(float((ours - each).abs().max() / each.abs().max()) for each in readings)


def _read(product: Tensor) -> Iterator[Tensor]:
    """Yield each reading of an output as rows and columns, summed over the channels."""
    if product.dim() == 4:
        yield from (product.sum(1), product.sum(3))
        return
    for tokens in (product.sum(2), product.sum(1)):
        side = int(tokens.shape[1] ** 0.5)
        yield tokens[:, tokens.shape[1] - side * side :].unflatten(1, (side, side))


def derivative_error(name: str) -> float:
    """Return the relative error of the localization loss's derivative along a random direction."""
    model, images, labels = work(name, 2, torch.double)
    guidance, regions = mg.Guidance(model, "ixg", "input"), boxes(images, labels)
    weights = [each for each in model.parameters() if each.requires_grad]
    direction = [torch.randn_like(each) * each.detach().abs().mean() for each in weights]

    def loss() -> Tensor:
        return guidance(images, labels, regions)[1]

    slopes = torch.autograd.grad(loss(), weights, allow_unused=True)
    exact = sum((s * d).sum().item() for s, d in zip(slopes, direction, strict=True) if s is not None)

    def moved(by: float) -> float:
        _move(weights, direction, by)
        found = loss().item()
        _move(weights, direction, -by)
        return found

    return min(abs((moved(h) - moved(-h)) / (2 * h) - exact) / max(abs(exact), 1e-30) for h in STEPS)


def _move(weights: list[nn.Parameter], direction: list[Tensor], by: float) -> None:
    with torch.no_grad():
        for weight, along in zip(weights, direction, strict=True):
            weight.add_(along, alpha=by)


if __name__ == "__main__":
    try:
        print(json.dumps(row(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))))
    except UserError as error:
        sys.exit(str(error))
