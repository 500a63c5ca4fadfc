"""Tables as plain text, for the terminal."""

import io
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table

from model_guidance.report.escape import terminal


def text_table(columns: Iterable[str]) -> Table:
    """Return an empty table with these columns, the first one without a name; numbers stand to the right."""
    table = Table("", box=box.SIMPLE_HEAD)
    for name in columns:
        table.add_column(terminal(name), justify="right")
    return table


def rendered(table: Table) -> str:
    """Return a rich table as plain text."""
    console = Console(file=io.StringIO(), width=160)
    console.print(table)
    return console.file.getvalue().rstrip()  # type: ignore[attr-defined]
