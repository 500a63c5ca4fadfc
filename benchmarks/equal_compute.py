"""Cheaper guidance at equal compute: `python benchmarks/equal_compute.py --root DATA --out FOLDER`.

On PASCAL VOC, a baseline is trained from random weights; from it, each variant is guided at the input for as
many seconds as full guidance needs for its epochs, by the step times of a short run of each. Printed are the
test scores of the last epoch, mean and standard deviation over the seeds. The same command continues.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

from rich.console import Console
from rich.table import Table

from model_guidance.runs.folder import RESULT, TIMING
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config

FULL = "all annotated images"
RUNNING = {"freeze_statistics": True}  # the images no longer influence each other: unguided ones cost less
VARIANTS: dict[str, dict[str, float]] = {
    "not guided": {"lambda_": 0.0},
    FULL: {},
    "the same, running statistics": RUNNING,
    "a half of them": RUNNING | {"guided_part": 0.5},
    "a quarter of them": RUNNING | {"guided_part": 0.25},
}


def scores(config: Config, folder: Path) -> dict[str, float]:
    """Train unless that is done; return the test scores of the last epoch, and the seconds per step."""
    if not (folder / RESULT).is_file():
        train_run(config, folder)
    last = json.loads((folder / RESULT).read_text())["last"]["scores"]
    return {**last, **json.loads((folder / TIMING).read_text())}


def variants(given: argparse.Namespace, seed: int) -> dict[str, Config]:
    """Return the settings of each variant, all guided from the same baseline, which is trained here."""
    common = Config(data="voc", root=given.root, size=given.size, backbone=given.backbone, layer="input")
    common = replace(common, batch=32, workers=0, accelerator=given.accelerator, seed=seed, cache=given.cache)
    base = given.out / f"baseline-{seed}"
    scores(replace(common, lr=given.baseline_lr, epochs=given.baseline_epochs), base)
    guided = replace(common, lr=given.lr, lambda_=given.weight, weights=str(base / "last.safetensors"))
    return {name: replace(guided, **changes) for name, changes in VARIANTS.items()}


def equal_epochs(given: argparse.Namespace, configs: dict[str, Config]) -> dict[str, int]:
    """Return for how many epochs of each variant there is time in the epochs of full guidance."""
    seconds = {
        name: scores(replace(each, epochs=1), given.out / f"probe-{_file(name)}")["seconds_per_step"]
        for name, each in configs.items()
    }
    return {name: round(given.epochs * seconds[FULL] / each) for name, each in seconds.items()}


def _file(name: str) -> str:
    return name.replace(" ", "-")


def main() -> None:
    """Train everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True, help="folder in which VOCdevkit lies")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache")
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--baseline-epochs", type=int, default=20)
    parser.add_argument("--baseline-lr", type=float, default=1e-3)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--epochs", type=int, default=8, help="of full guidance; others get as many seconds")
    parser.add_argument("--weight", type=float, default=1.0, help="lambda")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    given = parser.parse_args()
    by_seed = {seed: variants(given, seed) for seed in given.seeds}
    epochs = equal_epochs(given, by_seed[given.seeds[0]])
    names = ("f1", "map", "epg", "iou")
    table = Table("guided", "epochs", *names)
    for variant, count in epochs.items():
        rows = [
            scores(replace(configs[variant], epochs=count), given.out / f"{_file(variant)}-{seed}")
            for seed, configs in by_seed.items()
        ]
        columns = [[100 * row.get(name, 0.0) for row in rows] for name in names]
        spread = [stdev(column) if len(column) > 1 else 0.0 for column in columns]
        cells = [f"{mean(c):.1f} ± {s:.1f}" for c, s in zip(columns, spread, strict=True)]
        table.add_row(variant, str(count), *cells)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
