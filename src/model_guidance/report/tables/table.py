"""A table that is read by people (page, Markdown, LaTeX) and by programs (CSV)."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from model_guidance.files import write
from model_guidance.report import escape
from model_guidance.report.read.score import Interval, Spread
from model_guidance.report.tables.latex import latex_table

SAID_ONCE = ("backbone", "attribution")  # the section's summary names them
PARTS = {Spread: ("mean", "deviation", "count"), Interval: ("value", "low", "high")}  # columns of numbers


@dataclass(frozen=True)
class WrittenTable:
    """Cells are text, numbers, `Spread`, `Interval`, or None where there is nothing.

    `name` is that of the files; `best` are the (row, column) of the values that are best among their like.
    """

    name: str
    title: str
    caption: str
    cells: pd.DataFrame
    best: Collection[tuple[int, str]] = ()

    @property
    def text(self) -> pd.DataFrame:
        """The cells as they are read, without columns that are empty or say the same thing in each row."""
        same = [name for name in SAID_ONCE if name in self.cells and self.cells[name].nunique() == 1]
        return self.cells.drop(columns=same).dropna(axis="columns", how="all").map(_text)

    @property
    def groups(self) -> dict[str, pd.DataFrame]:
        """The text by what rows have in common, backbone and attribution, which is then no column."""
        if not self._shared:
            return {"": self.text}
        parts = self.text.groupby(self._shared, sort=False)
        return {", ".join(map(str, key)): rows.drop(columns=self._shared) for key, rows in parts}

    @property
    def _shared(self) -> list[str]:
        return [name for name in SAID_ONCE if name in self.text]

    @property
    def words(self) -> set[str]:
        """The columns that hold text."""
        return {str(name) for name, column in self.cells.items() if column.map(_is_words).any()}

    @property
    def numbers(self) -> pd.DataFrame:
        """The cells to compute with, without empty columns; a `Spread` or `Interval` becomes its `PARTS`."""
        return pd.DataFrame(dict(_columns(self.cells.dropna(axis="columns", how="all"))))

    def write(self, folder: Path) -> None:
        """Write NAME.md, NAME.csv and NAME.tex; raises `UserError` if that is impossible."""
        grid = _each_text(self.text, escape.markdown).to_markdown(index=False, disable_numparse=True)
        page = f"**{escape.markdown(self.title)}**\n\n{escape.markdown(self.caption)}\n\n{grid}\n"
        cells = _each_text(self.numbers, escape.spreadsheet).to_csv(index=False)
        latex = latex_table(self.name, self.caption, self.cells, self.text, self.best, self._shared)
        for suffix, content in (("md", page), ("csv", cells), ("tex", latex)):
            write(folder / f"{self.name}.{suffix}", content.encode())


def _each_text(cells: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Return the cells with `change` applied to whatever is text, the names of the columns as well."""
    changed = cells.map(lambda cell: change(cell) if isinstance(cell, str) else cell)
    return changed.rename(columns=lambda name: change(str(name)))


def _is_words(cell: object) -> bool:
    return isinstance(cell, str)


def _text(cell: object) -> str:
    missing = cell is None or (isinstance(cell, float) and pd.isna(cell))
    return "–" if missing else str(cell)


def _columns(cells: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    for name, column in cells.items():
        parts = next((PARTS[type(cell)] for cell in column if type(cell) in PARTS), ())
        if parts:
            for part in parts:
                yield f"{name} {part}", column.map(lambda cell, part=part: getattr(cell, part, None))
        else:
            yield str(name), column
