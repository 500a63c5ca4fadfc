"""Cheaper guidance at equal compute: `python benchmarks/equal_compute.py --root DATA --out FOLDER`.

On PASCAL VOC, a baseline is trained from random weights; from it, each variant is guided at the input for as
many epochs as full guidance gets seconds, by the step times of a short run of each. Printed are the test
scores of the last epoch, mean and standard deviation over the seeds. The same command continues.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

from rich.console import Console
from rich.table import Table

from model_guidance.run import train_run
from model_guidance.training.config import Config
from model_guidance.training.folder import RESULT, TIMING

FULL = "all annotated images"
VARIANTS: dict[str, dict[str, float]] = {
    "not guided": {"lambda_": 0.0},
    FULL: {},
    "a half of them": {"guided_part": 0.5},
    "a quarter of them": {"guided_part": 0.25},
    "maps of half-resolution images": {"map_scale": 0.5},
}


def scores(config: Config, folder: Path) -> dict[str, float]:
    """Train unless that is done; return the test scores of the last epoch, and the seconds per step."""
    if not (folder / RESULT).is_file():
        train_run(config, folder)
    last = json.loads((folder / RESULT).read_text())["last"]
    return {**last, **json.loads((folder / TIMING).read_text())}


def runs(given: argparse.Namespace, seed: int) -> dict[str, tuple[int, dict[str, float]]]:
    """Return epochs and scores of each variant for one seed."""
    common = Config(data="voc", root=given.root, size=given.size, backbone=given.backbone, layer="input")
    common = replace(common, batch=32, workers=0, accelerator=given.accelerator, seed=seed, cache=given.cache)
    base = given.out / f"baseline-{seed}"
    scores(replace(common, lr=4e-3, epochs=given.baseline_epochs), base)
    guided = replace(common, lr=1e-3, lambda_=given.weight, weights=str(base / "last.safetensors"))
    variants = {name: replace(guided, **changes) for name, changes in VARIANTS.items()}
    seconds = {
        name: scores(replace(each, epochs=1), given.out / f"probe-{_file(name)}-{seed}")["seconds_per_step"]
        for name, each in variants.items()
    }
    epochs = {name: round(given.epochs * seconds[FULL] / each) for name, each in seconds.items()}
    return {
        name: (count, scores(replace(variants[name], epochs=count), given.out / f"{_file(name)}-{seed}"))
        for name, count in epochs.items()
    }


def _file(name: str) -> str:
    return name.replace(" ", "-")


def main() -> None:
    """Train everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True, help="folder in which VOCdevkit lies")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache")
    parser.add_argument("--backbone", default="xdnn_small")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--baseline-epochs", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=6, help="of full guidance; others get as many seconds")
    parser.add_argument("--weight", type=float, default=1.0, help="lambda")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    given = parser.parse_args()
    each = [runs(given, seed) for seed in given.seeds]
    names = ("f1", "map", "epg", "iou")
    table = Table("guided", "epochs", *names)
    for variant in VARIANTS:
        rows = [run[variant] for run in each]
        epochs = "/".join(str(epochs) for epochs, _ in rows)
        columns = [[100 * row.get(name, 0.0) for _, row in rows] for name in names]
        spread = [stdev(column) if len(column) > 1 else 0.0 for column in columns]
        table.add_row(
            variant, epochs, *(f"{mean(c):.1f} ± {s:.1f}" for c, s in zip(columns, spread, strict=True))
        )
    Console().print(table)


if __name__ == "__main__":
    main()
