"""The page that the demonstration writes: one self-contained HTML file."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from model_guidance.files import write
from model_guidance.report.figures.heatmaps import Row
from model_guidance.report.rendering import render
from model_guidance.training.config import Config


def write_demo_page(
    path: Path,
    table: Table,
    verdicts: Sequence[str],
    rows: Sequence[Row],
    models: Sequence[str],
    config: Config,
) -> Path:
    """Write the page with verdicts, scores, the heat maps of the `models`, and settings; return its path."""
    page = render(
        "demo.html",
        columns=[str(column.header) for column in table.columns],
        table=[map(str, row) for row in zip(*(column.cells for column in table.columns), strict=True)],
        verdicts=verdicts,
        rows=rows,
        models=models,
        settings=config.yaml(),
    )
    write(path, page.encode())
    return path
