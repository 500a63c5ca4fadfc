"""Whether `inspect` finds a shortcut that nobody told it of: `python benchmarks/hidden_cue.py`.

Drawn shapes whose figure tells the class, wherever it stands; but a third of the images have a white tag in a
corner, and these are all of the second class, whatever figure they show. For each seed a network is trained
on them, and `inspect` groups the test images, without regions or groups, by the evidence at each layer. Then
it is looked up in which images the tag alone speaks for the second class, beside a figure of the first: of
this answer, the purity of the kinds (the share of images that agree with the majority of their kind), beside
that of one kind; and the share of such images in the kind with the most, and that of them all that it has.
"""

import argparse
import tempfile
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from evidence_clusters import purity
from PIL import ImageDraw

from model_guidance.data.readers import shapes
from model_guidance.data.readers.reader import Reader
from model_guidance.data.source import Sample, Source
from model_guidance.finding.inspection import inspect_run
from model_guidance.report.tables.text import rendered, text_table
from model_guidance.runs.folder import Run
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config

TAGGED, LABEL = 3, 1  # one image of so many has the tag; the class it stands for
GROUPS = ("first class", "second by its figure", "by figure and tag", "by the tag alone")
EDGE, SIDE = 3, 9  # pixels from the corner, and of the tag


def tagged(root: Path | None, split: str, *, size: int, seed: int = 0) -> Source:
    """Return the drawn shapes on independent backgrounds; every third image has the tag."""
    source = shapes.read(root, split, size=size, seed=seed, background="independent")
    version = f"{source.version} tagged"
    return replace(source, read=partial(_tagged, source), groups=GROUPS, version=version)


def _tagged(source: Source, index: int) -> Sample:
    sample = source.read(index)
    if (index // 2) % TAGGED:
        return replace(sample, group=min(sample.labels))
    image = sample.image.copy()
    left = image.width - EDGE - SIDE
    box = [left, EDGE, left + SIDE - 1, EDGE + SIDE - 1]
    ImageDraw.Draw(image).rectangle(box, fill="white", outline="black")
    return replace(
        sample, image=image, labels=frozenset({LABEL}), annotations=(), group=3 - min(sample.labels)
    )


READER = Reader(tagged, needs_root=False)


def row(run: Run, seed: int, layer: str) -> list[str]:
    """Return what the kinds of the tag's answer at a layer have to do with the tag."""
    found = inspect_run(run, "test", "last", layer=layer)
    alone = found.observer.split.group[found.seen.index] == GROUPS.index("by the tag alone")
    own = [each.cluster for each in found.kinds if each.cluster.label == LABEL]
    kinds = [alone[each.members].tolist() for each in own]
    best = max(kinds, key=np.mean)
    pure = [purity(each) for each in (kinds, [[*chain(*kinds)]])]
    shares = [np.mean(best), sum(best) / sum(map(sum, kinds))]
    cells = [" / ".join(f"{100 * each:.1f}" for each in pair) for pair in (pure, shares)]
    return [str(seed), layer, f"{100 * found.right.mean():.1f}", str(len(kinds)), *cells]


def main() -> None:
    """Train, inspect, and print a row for each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--layers", nargs="+", default=["mid1", "final"])
    given = parser.parse_args()
    columns = ["kinds", "purity / answer", "tag alone in one kind / of all"]
    table = text_table(["layer", "accuracy", *columns])
    with tempfile.TemporaryDirectory() as folder:
        for seed in given.seeds:
            settings: dict[str, Any] = {"data": "hidden_cue.READER", "size": 64, "backbone": "small"}
            machine: dict[str, Any] = {"cache": f"{folder}/cache", "workers": 0, "accelerator": "cpu"}
            options = {"options": {"seed": seed}, "lambda_": 0.0, "lr": 1e-3}
            config = Config(**settings, **machine, **options, seed=seed, epochs=given.epochs, batch=32)
            train_run(config, Path(folder) / f"run-{seed}")
            for layer in given.layers:
                table.add_row(*row(Run.open(Path(folder) / f"run-{seed}"), seed, layer))
    print(rendered(table))


if __name__ == "__main__":
    main()
