"""One progress bar with the time left, for everything that takes long."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

console = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Steps:
    """A running bar: `advance` moves it by one step."""

    bar: Progress

    def advance(self, description: str | None = None, steps: int = 1) -> None:
        """Move on, perhaps under another description."""
        task = self.bar.task_ids[0]
        if description:
            self.bar.update(task, description=description)
        self.bar.advance(task, steps)


def say(line: str) -> None:
    """Print a line that stays, above a running bar."""
    console.print(line, soft_wrap=True, markup=False)


@contextmanager
def steps(title: str, total: int, done: int = 0) -> Iterator[Steps]:
    """Show a bar of `total` steps, of which `done` were done in an earlier session."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        bar.add_task(title, total=total, completed=done)
        yield Steps(bar)
