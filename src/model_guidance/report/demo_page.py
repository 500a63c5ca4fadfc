"""The page that the demonstration writes: one self-contained HTML file."""

from pathlib import Path

from matplotlib.figure import Figure
from rich.table import Table

from model_guidance.report.figures.drawing import png
from model_guidance.report.rendering import embedded, render
from model_guidance.training.config import Config


def write_demo_page(path: Path, table: Table, verdict: str, sheet: Figure, config: Config) -> Path:
    """Write the page with the table of scores, the heat maps and the settings; return its path."""
    text = render(
        "demo.html",
        columns=[column.header for column in table.columns],
        rows=list(zip(*(column.cells for column in table.columns), strict=True)),
        verdict=verdict,
        sheet=embedded(png(sheet)),
        settings=config.yaml(),
    )
    path.write_text(text, encoding="utf-8")
    return path
