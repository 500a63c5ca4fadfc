"""How often the verdict is right: `python benchmarks/verdict.py` prints its confusion table.

Networks of which it is known what they do are trained on drawn shapes, for each seed, and judged beside a
baseline that was trained as long: one that hides on purpose (in its training images the inside of the boxes
is grey, so that only the background tells the class, while its maps are pulled into the boxes), the ceiling
(images without the shortcut), and another baseline. One starts from the ceiling, unlearns the objects on
such grey boxes, and is judged beside the ceiling. What guidance with true and with random boxes does is not
known before; it is listed with the range of its worst group.
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
from typing import Any, NamedTuple

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


class Case(NamedTuple):
    """What the verdict should be ("" where it is not known), the settings, and two runs of the same seed."""

    should: str
    changes: dict[str, Any]
    start: str = "start"
    beside: str = "baseline"


CASES = {
    "ceiling": Case("repaired", {"background": "independent"}),
    "hides": Case("hidden", {"data": "verdict.GREYED", "lambda_": 5.0}),
    "another baseline": Case("unchanged", {"order": 1000}),
    "unlearns": Case("harmed", {"data": "verdict.GREYED"}, "ceiling", "ceiling"),
    "random boxes": Case("", {"lambda_": 2.0, "annotated": 0.1, "regions": "random"}),
    "guided": Case("", {"lambda_": 2.0, "annotated": 0.1}),
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


def trained(folder: Path, seed: int, background: str = "biased", order: int = 0, **changes: Any) -> Run:
    """Return a finished run, trained unless it is there; `order` is of its images, where not the seed's."""
    settings = {"data": "shapes", "seed": seed + order, **COMMON, **changes}
    options = {"seed": seed, "background": background, "count": None}
    if settings["data"] != "shapes":
        options["size"] = settings["size"]
    config = Config(options=options, annotation_seed=seed, cache=str(folder.parent / "cache"), **settings)
    if not (folder / RESULT).is_file():
        train_run(config, folder)
    return Run.open(folder)


def judged(out: Path, seed: int, name: str) -> tuple[str, str, float]:
    """Return the name, the outcome, and the accuracy of the worst group of one network."""
    folder, case = out / f"seed-{seed}", CASES[name]
    weights = None if name == "ceiling" else str(folder / case.start / "last.safetensors")
    epochs = START + REST if name == "ceiling" else REST
    run = trained(folder / name.replace(" ", "-"), seed, epochs=epochs, weights=weights, **case.changes)
    found = judge(run, Run.open(folder / case.beside))
    print(f"seed {seed}, {name}: {found.sentence}", flush=True)
    return name, found.outcome, run.result.last.scores["worst_group"] if run.result else float("nan")


def prepared(out: Path, seed: int) -> None:
    """Train what the networks of a seed start from, and the two that they are judged beside."""
    folder = out / f"seed-{seed}"
    start = trained(folder / "start", seed, epochs=START)
    trained(folder / "baseline", seed, epochs=REST, weights=str(start.checkpoint("last")))
    trained(folder / "ceiling", seed, epochs=START + REST, **CASES["ceiling"].changes)


def table(found: Sequence[tuple[str, str, float]]) -> str:
    """Return how often each network was judged to be what, and the range of its worst group."""
    counts = Counter((name, outcome) for name, outcome, _ in found)
    shown = text_table(["should be", *OUTCOMES, "worst group"])
    for name, case in CASES.items():
        worst = [100 * value for each, _, value in found if each == name]
        cells = [str(counts[name, outcome] or "") for outcome in OUTCOMES]
        shown.add_row(name, case.should, *cells, f"{min(worst):.0f} to {max(worst):.0f}")
    return rendered(shown)


def main() -> None:
    """Train, judge, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("studies/verdict"), help="folder for the runs")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--parallel", type=int, default=2, help="processes")
    given = parser.parse_args()
    with ProcessPoolExecutor(given.parallel, get_context("spawn")) as pool:
        list(pool.map(partial(prepared, given.out), range(given.seeds)))
        tasks = list(product(range(given.seeds), CASES))
        found = list(pool.map(partial(judged, given.out), *zip(*tasks, strict=True)))
    print(table(found))


if __name__ == "__main__":
    main()
