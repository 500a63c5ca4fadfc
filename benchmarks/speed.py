"""The guided step and the evaluation against the method as published: `python benchmarks/speed.py`.

All variants take turns in one process. Times are medians, in units of F, one forward pass of the same network
in evaluation mode; the floor counts convolutions only (see docs/speed.md). First both are checked to compute
the same, in float64. Prints tables, writes `speed.json` and `speed.png` into `--out`.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import torch
from checks import check
from memory import CALLS, largest_batch, peak
from picture import draw
from profiled import dearest
from rich.console import Console
from rich.table import Table
from small_parts import f1, loading, losses
from timing import timed
from work import (
    classification,
    evaluated,
    evaluated_by_twin,
    forward_pass,
    guided,
    guided_by_twin,
    step,
    work,
)

from model_guidance.allocation import keep_freed_memory
from model_guidance.autodiff.batch_statistics import uses_batch_statistics
from model_guidance.models import build

LAYERS = ("input", "mid2", "final")
FLOORS = {"input": 6.0, "mid1": 5.4, "mid2": 4.6, "mid3": 3.6, "final": 3.0}
Row = dict[str, Any]


def steps(name: str, given: argparse.Namespace, device: torch.device) -> list[Row]:
    """Time the steps of one network."""
    it = work(name, given.batch, given.size, device)
    calls = {"F": lambda: forward_pass(it), "classification": step(it, lambda: classification(it))}
    for layer in given.layers:
        for loss in ("energy", "l1"):
            calls[f"{layer}, {loss}, twin"] = step(it, guided_by_twin(it, layer, loss))
            calls[f"{layer}, {loss}, ours"] = step(it, guided(it, layer, loss))
    if given.compile:
        calls["input, energy, compiled"] = step(it, guided(it, "input", "energy", compile=True))
        calls["input, energy, compiled"]()  # the first step decides, the second one compiles
    found = timed(calls, given.rounds, device)
    rows = []
    for what, seconds in found.items():
        layer, loss, by = what.split(", ") if ", " in what else ("", "", what)
        row = {"network": name, "layer": layer, "loss": loss, "by": by, "seconds": seconds}
        row |= {"F": seconds / found["F"], "images_per_second": given.batch / seconds}
        if layer:
            row["floor"] = FLOORS[layer]
            row["ratio"] = found[f"{layer}, {loss}, twin"] / seconds
        rows.append(row)
    return rows


def evaluations(name: str, given: argparse.Namespace, device: torch.device) -> list[Row]:
    """Time the evaluation of all pairs, one and a half per image, at the input."""
    rows = []
    for batch in given.evaluation_batches:
        it = work(name, batch, given.size, device)
        calls = {
            "F": partial(forward_pass, it),
            "ours": partial(evaluated, it, "input"),
            "twin": partial(evaluated_by_twin, it, "input"),
        }
        forward_pass(it)
        found = timed(calls, given.rounds if batch <= 8 else 1, device, warm=True)
        pairs = sum(map(len, it.boxes)) / batch
        for by in ("twin", "ours"):
            row = {"network": name, "batch": batch, "by": by, "seconds": found[by], "floor": 1 + pairs}
            row |= {"F": found[by] / found["F"], "ratio": found["twin"] / found[by]}
            rows.append(row)
    return rows


def few_annotations(name: str, given: argparse.Namespace, device: torch.device) -> list[Row]:
    """Time an epoch of 100 images of which one is annotated against one of classification only."""
    it = work(name, given.batch, given.size, device)
    batches = max(1, round(100 / given.batch))
    it.model.train()
    frozen = uses_batch_statistics(it.model) and name.startswith(("resnet", "torchvision"))
    plain = step(it, lambda: classification(it))
    first = step(it, guided(it, "input", "energy", annotated=1), training=not frozen)
    rest = step(it, lambda: classification(it), training=not frozen)
    calls = {"classification": plain, "with one annotated image": first, "without": rest}
    found = timed(calls, given.rounds, device)
    epoch = found["with one annotated image"] + (batches - 1) * found["without"]
    statistics = "running" if frozen else "as in training"
    return [{"network": name, "statistics": statistics, "ratio": epoch / (batches * found["classification"])}]


def memory(name: str, given: argparse.Namespace, device: torch.device) -> list[Row]:
    """Measure the peaks over network and batch, guidance at the input."""
    return [
        {"network": name, "call": call, "MB": peak(name, given.batch, given.size, call, "input", device)}
        for call in CALLS
    ]


def profiled(name: str, given: argparse.Namespace, device: torch.device) -> list[Row]:
    """Return the dearest operations of the guided step at the input."""
    found = dearest(work(name, given.batch, given.size, device), "input")
    return [{"network": name, **row} for row in found]


def largest(name: str, given: argparse.Namespace, device: torch.device) -> list[Row]:
    """Return the largest batches that a GPU has memory for; a CPU's memory is not to be filled."""
    if device.type != "cuda":
        return []
    return [
        {"network": name, "layer": layer, "images": largest_batch(name, given.size, layer, device)}
        for layer in given.layers
    ]


def small(given: argparse.Namespace, device: torch.device) -> list[Row]:
    """Time what is done besides the network."""
    calls = losses(16 * given.batch, given.size, device) | f1(64, 80)
    calls |= loading(given.size, given.batch, given.workers, device)
    return [{"part": part, "ms": 1000 * each} for part, each in timed(calls, given.rounds, device).items()]


PARTS = {
    "Steps": steps,
    "Evaluation of all pairs at the input": evaluations,
    "An epoch with 1 % annotated, compared with one of classification": few_annotations,
    "Peak memory": memory,
    "Largest batch": largest,
    "Where the time of the guided step goes": profiled,
}


def show(title: str, rows: list[Row]) -> None:
    """Print rows as a table."""
    if not rows:
        return
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(*names, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(f"{v:.2f}" if isinstance(v := row.get(n, ""), float) else str(v) for n in names))
    Console(width=120).print(table)


def options() -> argparse.Namespace:
    """Return the settings of this run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", default=["resnet50", "xdnn_resnet50", "bcos_resnet50"])
    parser.add_argument("--layers", nargs="+", default=LAYERS, choices=list(FLOORS))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--evaluation-batches", type=int, nargs="*", default=[4, 16])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="also compiled; takes minutes per network")
    parser.add_argument("--tf32", action="store_true", help="on a GPU: let matrix products use TF32")
    parser.add_argument("--bf16", action="store_true", help="run everything under bf16 autocast")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=Path("speed"))
    return parser.parse_args()


def main() -> None:
    """Check, time, print, write."""
    given = options()
    for name in given.networks:
        build(name, 2)  # before minutes are spent on the others
    device = torch.device(given.device)
    print(f"freed memory is kept: {keep_freed_memory()}")
    torch.set_float32_matmul_precision("high" if given.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = given.tf32
    found: dict[str, list[Row]] = {}
    for name in given.networks:
        print(f"{name}: twin and package differ by {check(name, tuple(given.layers), device):.1e} in float64")
        with torch.autocast(device.type, torch.bfloat16, enabled=given.bf16):
            for title, part in PARTS.items():
                rows = part(name, given, device)
                show(f"{name}: {title}", rows)
                found.setdefault(title, []).extend(rows)
    found["Besides the network"] = small(given, device)
    show("Besides the network", found["Besides the network"])
    given.out.mkdir(parents=True, exist_ok=True)
    settings = {key: str(value) for key, value in vars(given).items()} | {"torch": torch.__version__}
    text = json.dumps({"settings": settings, "threads": torch.get_num_threads(), **found}, indent=1)
    (given.out / "speed.json").write_text(text)
    draw(found["Steps"], found["Evaluation of all pairs at the input"], given.out / "speed.png")
    print(f"written: {given.out / 'speed.json'} and {given.out / 'speed.png'}")


if __name__ == "__main__":
    main()
