"""For which class images are taken, where each has exactly one: in a report, and in the terminal."""

from collections.abc import Iterator

import pandas as pd

from model_guidance.evaluation import Evaluation
from model_guidance.report.escape import terminal
from model_guidance.report.read.confusion import classes_in, configurations, share_in
from model_guidance.report.read.reported import LAST
from model_guidance.report.tables.table import WrittenTable
from model_guidance.report.tables.text import rendered, text_table

ALL, MOST = 12, 30  # classes up to which every pair is shown; beyond, so many of the most frequent mistakes
CAPTION = (
    f"Of the test images of each class, how many are taken for which {LAST}, in percent, mean ± standard "
    "deviation over the runs."
)
FEW = f" The {MOST} mistakes that are the most frequent in any configuration."
Pair = tuple[str, str]  # true, taken for


def confusion_table(last: pd.DataFrame, backbone: str, explainer: str, name: str) -> WrittenTable | None:
    """Return the table for one panel of `last_epochs`; None for runs that keep no confusions."""
    columns = configurations(last, backbone, explainer)
    classes = classes_in(columns.values())
    if not classes:
        return None
    pairs = [(true, taken) for true in classes for taken in classes]
    rows = [(pair, {label: share_in(rows, *pair) for label, rows in columns.items()}) for pair in pairs]
    rows = [(pair, row) for pair, row in rows if any(each is not None and each.mean for each in row.values())]
    if len(classes) > ALL:
        wrong = [(pair, row) for pair, row in rows if pair[0] != pair[1]]
        rows = sorted(wrong, key=lambda each: -max(share.mean for share in each[1].values() if share))[:MOST]
    if not rows:
        return None
    cells = pd.DataFrame([{"class": true, "taken for": taken, **row} for (true, taken), row in rows])
    title = f"For which class images are taken: {backbone}, {explainer}"
    return WrittenTable(f"confusion-{name}", title, CAPTION + FEW * (len(classes) > ALL), cells)


def confusion_text(found: Evaluation) -> str | None:
    """Return the numbers of images by class and by what they are taken for, as text; None without any.

    Of more than `ALL` classes, the most frequent mistakes.
    """
    counts = found.confusion
    classes = list(dict.fromkeys([*counts, *(taken for row in counts.values() for taken in row)]))
    if not counts:
        return None
    if len(classes) > ALL:
        return _mistakes(found)
    table = text_table(f"→ {name}" for name in classes)
    table.columns[0].header = "images of"
    for name in counts:
        table.add_row(terminal(name), *(f"{counts[name].get(taken, 0):.0f}" for taken in classes))
    return rendered(table)


def _mistakes(found: Evaluation) -> str | None:
    wrong = sorted(_wrong(found), key=lambda each: -each[1])[:MOST]
    if not wrong:
        return None
    table = text_table(["taken for", "images"])
    table.columns[0].header = "images of"
    for (true, taken), count in wrong:
        table.add_row(
            terminal(true), terminal(taken), f"{count:.0f} of {sum(found.confusion[true].values()):.0f}"
        )
    return rendered(table)


def _wrong(found: Evaluation) -> Iterator[tuple[Pair, float]]:
    for true, row in found.confusion.items():
        yield from (((true, taken), count) for taken, count in row.items() if taken != true)
