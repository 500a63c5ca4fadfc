"""A table that is read by people (page, Markdown, LaTeX) and by programs (CSV)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from model_guidance.files import write
from model_guidance.report.read.score import Spread

SAID_ONCE = ("backbone", "attribution")  # the section's summary names them
LATEX = {"±": r"$\pm$", "Δ": r"$\Delta$", "λ": r"$\lambda$", "−": "$-$", "–": "--"}


@dataclass(frozen=True)
class WrittenTable:
    """Cells are text, numbers, `Spread`, or None where there is nothing; `name` is that of the files."""

    name: str
    title: str
    caption: str
    cells: pd.DataFrame

    @property
    def text(self) -> pd.DataFrame:
        """The cells as they are read, without columns that are empty or say the same thing in each row."""
        same = [name for name in SAID_ONCE if name in self.cells and self.cells[name].nunique() == 1]
        return self.cells.drop(columns=same).dropna(axis="columns", how="all").map(_text)

    @property
    def groups(self) -> dict[str, pd.DataFrame]:
        """The text by what rows have in common, backbone and attribution, which is then no column."""
        shared = [name for name in SAID_ONCE if name in self.text]
        if not shared:
            return {"": self.text}
        parts = self.text.groupby(shared, sort=False)
        return {", ".join(map(str, key)): rows.drop(columns=shared) for key, rows in parts}

    @property
    def words(self) -> set[str]:
        """The columns that hold text."""
        return {str(name) for name, column in self.cells.items() if column.map(_is_words).any()}

    @property
    def numbers(self) -> pd.DataFrame:
        """The cells to compute with, without empty columns; a `Spread` becomes mean, deviation and count."""
        return pd.DataFrame(dict(_columns(self.cells.dropna(axis="columns", how="all"))))

    def write(self, folder: Path) -> None:
        """Write NAME.md, NAME.csv and NAME.tex; raises `UserError` if that is impossible."""
        latex = self.text.to_latex(index=False, escape=True, caption=self.caption)
        for sign, command in LATEX.items():
            latex = latex.replace(sign, command)
        grid = self.text.to_markdown(index=False, disable_numparse=True)
        markdown = f"**{self.title}**\n\n{self.caption}\n\n{grid}\n"
        write(folder / f"{self.name}.md", markdown.encode())
        write(folder / f"{self.name}.csv", self.numbers.to_csv(index=False).encode())
        write(folder / f"{self.name}.tex", latex.encode())


def _is_words(cell: object) -> bool:
    return isinstance(cell, str)


def _text(cell: object) -> str:
    missing = cell is None or (isinstance(cell, float) and pd.isna(cell))
    return "–" if missing else str(cell)


def _columns(cells: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    for name, column in cells.items():
        if any(isinstance(cell, Spread) for cell in column):
            for part in ("mean", "deviation", "count"):
                yield f"{name} {part}", column.map(lambda cell, part=part: getattr(cell, part, None))
        else:
            yield str(name), column
