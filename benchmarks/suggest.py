"""Whether suggested images teach more than random ones: `python benchmarks/suggest.py` prints the table.

For each seed a baseline is trained, which suggests 10, 25 and 50 of its training images; then as many images
are drawn at random (`--by equal`: as many of each class). A guided run gets the boxes of these images and no
others, from the same start. Printed are the worst group of the test set, and what replacing the outside of
the boxes with the mean colour costs. A run that is finished in `--out` is not trained again.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np

from model_guidance.errors import UserError
from model_guidance.files import write
from model_guidance.finding.suggestions import suggest
from model_guidance.report.tables.text import rendered, text_table
from model_guidance.runs.folder import RESULT, Run
from model_guidance.runs.setup import split_of
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config

RANDOM, EQUAL = "random", "equal"  # of all images; as many of each class


class Setting(NamedTuple):
    """Settings of all runs, those of the run that suggests, and those of a guided run."""

    common: dict[str, Any]
    start: dict[str, Any]
    guided: dict[str, Any]
    continued: bool  # whether a guided run continues from the start's weights


SETTINGS = {
    "shapes": Setting(
        {"size": 64, "backbone": "small", "batch": 32, "lr": 1e-3},
        {"epochs": 3},
        {"epochs": 8, "lambda_": 2.0, "annotated_batch": 8},
        continued=True,
    ),
    "waterbirds": Setting(
        {
            "data": "waterbirds",
            "size": 192,
            "augment": False,
            "backbone": "timm/tf_efficientnet_lite0",
            "frozen": "network.blocks.6",
            "layer": "network.blocks.6",
            "freeze_statistics": True,
            "lr": 1e-4,
            "epochs": 3,
        },
        {},
        {"lambda_": 100.0, "annotated_batch": 16},
        continued=False,
    ),
}


def result(config: Config, folder: Path) -> Run:
    """Return the run, after training it unless that is done."""
    if not (folder / RESULT).is_file():
        train_run(config, folder)
    return Run.open(folder)


def row(run: Run) -> tuple[float, float, float]:
    """Return the worst group, the cost of a grey outside and EPG, on the test set, in points."""
    last = run.result.last if run.result else None
    if last is None or last.reliance is None:
        raise UserError(f"{run.folder}: not finished")
    gap = last.reliance.intact - last.reliance.outside["mean"]
    return 100 * last.scores["worst_group"], 100 * gap, 100 * last.scores["epg"]


def chosen(start: Run, by: str, count: int, seed: int, none: Path) -> list[str]:
    """Return the names of so many training images."""
    if by not in (RANDOM, EQUAL):
        return suggest(start, by, count, checkpoint="last", marked=none).names
    split = split_of(start.config, "train")
    places = np.random.default_rng(seed + 100 * (by == EQUAL)).permutation(len(split))
    if by == EQUAL:
        classes = split.labels[places].argmax(axis=1)
        own = [places[classes == label] for label in range(len(split.classes))]
        places = np.stack([each[:count] for each in own], axis=1).ravel()
    return [split.names[place] for place in places[:count]]


def runs(given: argparse.Namespace, seed: int) -> Iterator[tuple[str, int, Run]]:
    """Yield the start, and each guided run, by how its images were chosen and their number."""
    setting, out = SETTINGS[given.data], given.out / given.data
    common: dict[str, Any] = {"workers": 0, "accelerator": "cpu", "cache": given.cache, "root": given.root}
    config = Config(**common | setting.common | {"seed": seed, "weights": given.weights})
    start = result(replace(config, **setting.start), out / f"start-{seed}")
    rest = (
        {**setting.guided, "weights": str(start.checkpoint("last"))} if setting.continued else setting.guided
    )
    longer = replace(config, **{**rest, "lambda_": 0.0, "annotated_batch": None})
    yield "not guided", 0, result(longer, out / f"baseline-{seed}") if setting.continued else start
    none = out / "none.txt"
    write(none, b"")
    for count in given.counts:
        for by in (*given.by, RANDOM):
            file = out / f"{by}-{count}-{seed}.txt"
            if not file.is_file():
                write(file, "\n".join(chosen(start, by, count, seed, none)).encode())
            guided = replace(config, **rest, annotated_images=str(file))
            yield by, count, result(guided, out / f"{by}-{count}-{seed}")


def summary(values: Sequence[float]) -> str:
    """Return mean and standard deviation."""
    return f"{mean(values):.1f} ± {stdev(values) if len(values) > 1 else 0:.1f}"


def main() -> None:
    """Train everything that is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=SETTINGS, default="shapes")
    parser.add_argument("--root", help="folder of Waterbirds")
    parser.add_argument("--weights", help="imagenet, or a file, for Waterbirds")
    parser.add_argument("--cache")
    parser.add_argument("--out", type=Path, default=Path("runs/suggest"))
    parser.add_argument("--by", nargs="+", default=["all"])
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 25, 50])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    found: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
    for seed in given.seeds:
        for by, count, run in runs(given, seed):
            found.setdefault((by, count), []).append(row(run))
    table = text_table(["boxes", "worst group", "lost with a grey outside", "EPG", "worst group by seed"])
    for (by, count), rows in found.items():
        columns = [summary(column) for column in zip(*rows, strict=True)]
        table.add_row(by, str(count), *columns, ", ".join(f"{each[0]:.1f}" for each in rows))
    print(rendered(table))


if __name__ == "__main__":
    main()
