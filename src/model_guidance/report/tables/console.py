"""Scores side by side, as text."""

import io
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from rich import box
from rich.console import Console
from rich.table import Table

COUNTS = ("pairs", "pairs_without_region")


def result_table(columns: Mapping[str, Mapping[str, float]], rows: Sequence[str] = ()) -> str:
    """Return a table with one column per model and one row per score, in percent.

    `rows` chooses and orders the scores; by default all that occur, but for those of single classes.
    """
    table = Table("", *columns, box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    occurring = dict.fromkeys(name for scores in columns.values() for name in scores)
    for name in rows or [name for name in occurring if not name.startswith("class: ")]:
        table.add_row(name, *(cell(name, scores.get(name)) for scores in columns.values()))
    return rendered(table)


def spread_table(columns: Mapping[str, Sequence[Mapping[str, float]]], rows: Mapping[str, str]) -> Table:
    """Return a table of mean ± standard deviation over seeds, a column per model; `rows`: score -> label.

    With one seed there is no spread, and none is shown.
    """
    table = Table("", *columns, box=box.SIMPLE_HEAD)
    for name, label in rows.items():
        table.add_row(label, *(_spread([scores[name] for scores in each]) for each in columns.values()))
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _spread(values: Sequence[float]) -> str:
    mean = f"{100 * fmean(values):.1f}"
    return f"{mean} ± {100 * stdev(values):.1f}" if len(values) > 1 else mean


def cell(name: str, value: float | None) -> str:
    """Return one score as text: counts and thresholds as they are, fractions in percent."""
    if value is None:
        return "–"
    if name in COUNTS:
        return f"{value:.0f}"
    return f"{value:.3f}" if name == "iou_threshold" else f"{100 * value:.1f}"


def rendered(table: Table) -> str:
    """Return a rich table as plain text."""
    console = Console(file=io.StringIO(), width=160)
    console.print(table)
    return console.file.getvalue().rstrip()  # type: ignore[attr-defined]
