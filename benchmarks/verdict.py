"""How often the verdict is right: `python benchmarks/verdict.py` prints its confusion table.

Networks of which it is known what they do are trained on drawn shapes, for each seed, and judged beside a
baseline that was trained as long: one that hides on purpose (in its training images the inside of the boxes
is grey, so that only the background tells the class, while its maps are pulled into the boxes), the ceiling
(images without the shortcut), another baseline, one guided with random boxes, and one that a far too large
lambda destroys. What a guided one does is not known before; it is listed with its worst group.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from PIL import ImageDraw

from model_guidance.data.readers import shapes
from model_guidance.data.readers.reader import Reader
from model_guidance.data.source import Sample, Source
from model_guidance.metrics.repair import OUTCOMES
from model_guidance.report.tables.text import rendered, text_table
from model_guidance.runs.evidence import judge
from model_guidance.runs.folder import RESULT, Run
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config

GREY = (128, 128, 128)
START, REST = 3, 8  # epochs of the common start, and from there
COMMON: dict[str, Any] = {
    "size": 64,
    "backbone": "small",
    "batch": 32,
    "lr": 1e-3,
    "workers": 0,
    "accelerator": "cpu",
}
KNOWN: dict[str, tuple[str, dict[str, Any]]] = {  # what the verdict should be, and the settings
    "ceiling": ("repaired", {"background": "independent"}),
    "hides": ("hidden", {"data": "verdict.GREYED", "lambda_": 5.0}),
    "another baseline": ("unchanged", {"seed": 1000}),
    "destroyed": ("harmed", {"lambda_": 1000.0, "lr": 1e-2}),
    "random boxes": ("", {"lambda_": 2.0, "annotated": 0.1, "regions": "random"}),
    "guided": ("", {"lambda_": 2.0, "annotated": 0.1}),
}


def objects_greyed(
    root: Path | None,
    split: str,
    *,
    size: int,
    seed: int,
    background: str,
    count: int | None = None,
) -> Source:
    """Return the drawn shapes; in training and validation the inside of each box is grey."""
    source = shapes.read(root, split, count=count, size=size, seed=seed, background=background)
    if split == "test":
        return source
    return replace(source, read=partial(_greyed, source), version=f"{source.version} greyed")


def _greyed(source: Source, index: int) -> Sample:
    sample = source.read(index)
    image = sample.image.copy()
    for _, (left, top, right, bottom) in sample.of("boxes"):
        ImageDraw.Draw(image).rectangle([left, top, right - 1, bottom - 1], fill=GREY)
    return replace(sample, image=image)


GREYED = Reader(objects_greyed, needs_root=False)


def trained(folder: Path, seed: int, background: str = "biased", **changes: Any) -> Run:
    """Return a finished run, trained unless it is there."""
    settings = {"data": "shapes", "seed": 0, **COMMON, **changes}
    settings["seed"] += seed
    options = {"seed": seed, "background": background, "count": None}
    if settings["data"] != "shapes":
        options["size"] = settings["size"]
    config = Config(options=options, annotation_seed=seed, cache=str(folder.parent / "cache"), **settings)
    if not (folder / RESULT).is_file():
        train_run(config, folder)
    return Run.open(folder)


def judged(out: Path, seed: int, name: str) -> tuple[str, str, float]:
    """Return the name, the outcome, and the accuracy of the worst group of one network."""
    folder = out / f"seed-{seed}"
    baseline = Run.open(folder / "baseline")
    changes = KNOWN[name][1]
    start = {} if name == "ceiling" else {"weights": str(folder / "start" / "last.safetensors")}
    epochs = START + REST if name == "ceiling" else REST
    run = trained(folder / name.replace(" ", "-"), seed, epochs=epochs, **start, **changes)
    found = judge(run, baseline)
    print(f"seed {seed}, {name}: {found.sentence}", flush=True)
    return name, found.outcome, run.result.last.scores["worst_group"] if run.result else float("nan")


def start_and_baseline(out: Path, seed: int) -> None:
    """Train what the networks of a seed start from, and the baseline."""
    start = trained(out / f"seed-{seed}" / "start", seed, epochs=START)
    trained(out / f"seed-{seed}" / "baseline", seed, epochs=REST, weights=str(start.checkpoint("last")))


def table(found: Sequence[tuple[str, str, float]]) -> str:
    """Return how often each network was judged to be what, and the range of its worst group."""
    counts = Counter((name, outcome) for name, outcome, _ in found)
    shown = text_table(["should be", *OUTCOMES, "worst group"])
    for name, (should, _) in KNOWN.items():
        worst = [100 * value for each, _, value in found if each == name]
        cells = [str(counts[name, outcome] or "") for outcome in OUTCOMES]
        shown.add_row(name, should, *cells, f"{min(worst):.0f} to {max(worst):.0f}")
    return rendered(shown)


def main() -> None:
    """Train, judge, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("studies/verdict"), help="folder for the runs")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--parallel", type=int, default=2, help="processes")
    given = parser.parse_args()
    with ProcessPoolExecutor(given.parallel, get_context("spawn")) as pool:
        list(pool.map(partial(start_and_baseline, given.out), range(given.seeds)))
        tasks = list(product(range(given.seeds), KNOWN))
        found = list(pool.map(partial(judged, given.out), *zip(*tasks, strict=True)))
    print(table(found))


if __name__ == "__main__":
    main()
