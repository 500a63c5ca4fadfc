"""Whether the page's order helps a person in a hurry: `python benchmarks/person.py RUN` prints the table.

The simulated person takes the first unmarked training images of an order of the page, or random ones, and
draws the data's own box: each edge off by up to 10 % of the box, and one box in twenty at a random place.
Then a round is trained by the page's session, as if somebody had pressed the button. Printed are worst
group, overall accuracy and seconds of each number of marks, the mean and the spread over the seeds, which
draw the errors, the random images and the order of training.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from model_guidance.annotate.rounds import Wish
from model_guidance.annotate.session import Change, Session
from model_guidance.annotate.shapes import Shape
from model_guidance.errors import UserError
from model_guidance.report.tables.text import rendered, text_table
from model_guidance.runs.folder import Run

RANDOM, SLOPPY, WRONG = "random", 0.1, 0.05
SPLIT = "train"


def chosen(session: Session, order: str, count: int, rng: np.random.Generator) -> Sequence[int]:
    """Return the images that the person marks."""
    if order == RANDOM:
        return rng.permutation(len(session.photos[SPLIT]))[:count].tolist()
    while True:
        found = session.gallery({"split": SPLIT, "order": order}, count=count)
        if found["ready"]:
            return [each["index"] for each in found["images"]]
        time.sleep(0.5)


def drawn(session: Session, index: int, rng: np.random.Generator) -> Iterator[Change]:
    """Yield the marks of an image: its own boxes, as a person in a hurry draws them."""
    told = session.image(SPLIT, index, "run")
    size = np.array([told["width"], told["height"]], float)
    for own in told["own"]:
        (low, high) = np.array(own["points"], float)
        extent = high - low
        if rng.random() < WRONG:
            low = rng.random(2) * (size - extent).clip(0)
            high = low + extent
        else:
            low, high = (edge + rng.uniform(-SLOPPY, SLOPPY, 2) * extent for edge in (low, high))
        corners = [tuple(each.tolist()) for each in (low, high)]
        shape = Shape(f"{index}-{own['uid']}", own["label"], "box", corners)
        yield Change("put", SPLIT, index, shape)


def trained(run: Run, out: Path, order: str, count: int, seed: int, wish: Wish) -> tuple[float, float, float]:
    """Return the worst group, the accuracy and the seconds of a round with so many marked images."""
    home = out / f"{order}-{count}-seed{seed}"
    seeded = replace(run, config=replace(run.config, seed=seed))
    session = Session(seeded, home, home / "marks.json")
    if not session.rounds.all:
        rng = np.random.default_rng(seed)
        for index in chosen(session, order, count, rng):
            for change in drawn(session, index, rng):
                session.mark(change)
        session.start_round(wish)
    found = session.rounds.all[0]
    while found.state == "running":
        time.sleep(0.2)
    told = found.described()
    result = Run.open(found.folder).result if told["state"] == "finished" else None
    if result is None:
        raise UserError(f"{found.folder}: {told['state']} ({told['message']})")
    return result.last.scores["worst_group"], result.last.scores["accuracy"], told["seconds"]


def main() -> None:
    """Train all rounds and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a finished run on data with groups and boxes")
    parser.add_argument("--out", type=Path, default=Path("person"))
    parser.add_argument("--orders", nargs="+", default=["all", RANDOM])
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 25, 50])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--lambda", dest="lambda_", type=float, default=100.0)
    parser.add_argument("--epochs", type=int, default=3)
    given = parser.parse_args()
    run = Run.open(given.run)
    before = run.result.last.scores if run.result else {}
    table = text_table(["order", "marked", "worst group", "overall", "seconds of training"])
    table.add_row("the run", "0", *(f"{100 * before[name]:.1f}" for name in ("worst_group", "accuracy")), "")
    for count in given.counts:
        for order in given.orders:
            wish = Wish(given.lambda_, given.epochs, frozen=run.config.frozen)
            rows = [trained(run, given.out, order, count, seed, wish) for seed in given.seeds]
            shares = [[100 * each for each in column] for column in list(zip(*rows, strict=True))[:2]]
            seconds = mean(row[2] for row in rows)
            table.add_row(order, str(count), *map(_spread, shares), f"{seconds:.0f}")
    print(rendered(table))


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
