"""Runs side by side in the terminal: what each configuration needed, and what came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from model_guidance.report.escape import terminal
from model_guidance.report.read.comparable import incomparable, of_section, sections
from model_guidance.report.read.labels import labelled, unsaid
from model_guidance.report.read.reported import reported
from model_guidance.report.read.results import read_results
from model_guidance.report.tables.controls import last_epochs
from model_guidance.report.tables.needs import needs_table
from model_guidance.report.tables.table import WrittenTable
from model_guidance.report.tables.text import rendered, text_table
from model_guidance.report.tables.verdicts import verdict_table
from model_guidance.report.verdict import told, verdicts

ONLY_WRITTEN = ("before", "after", "even map", "seeds")  # columns that the other table has, or for the page


def compared(folders: Sequence[Path]) -> Iterator[str]:
    """Yield, as text, what was left out, and tables and verdicts of all runs that may be compared.

    Raises `UserError` as `read_results` does.
    """
    results = read_results(folders)
    yield from results.warnings
    found = sections(results)
    if len(found) > 1:
        yield str(incomparable(results))
    for title, names in found.items():
        tested = labelled(of_section(results.tested, names))
        last = last_epochs(tested, reported(tested))
        yield "\n".join(filter(None, [title, unsaid(tested)]))
        yield _in_terminal(needs_table(results, last))
        judged = verdicts(results, tested, last)
        table = verdict_table(judged)
        if table is not None:
            kept = [name for name in table.cells if not str(name).endswith(ONLY_WRITTEN)]
            yield _in_terminal(replace(table, cells=table.cells[kept]))
        yield from told(judged)


def _in_terminal(written: WrittenTable) -> str:
    """Return a table as plain text, its parts below what their rows have in common."""
    parts = [part for title, cells in written.groups.items() for part in (title, _grid(cells))]
    return "\n".join(part for part in (written.title, *parts) if part)


def _grid(cells: pd.DataFrame) -> str:
    first, *rest = map(str, cells.columns)
    table = text_table(rest)
    table.columns[0].header = terminal(first)
    for row in cells.itertuples(index=False):
        table.add_row(*(terminal(str(cell)) for cell in row))
    return rendered(table)
