"""The page that the demonstration writes: one self-contained HTML file."""

import base64
import io
import platform
from pathlib import Path

import torch
from jinja2 import Environment, PackageLoader, select_autoescape
from matplotlib.figure import Figure
from rich.table import Table

from model_guidance import __version__
from model_guidance.training.config import Config

VERSIONS = f"model-guidance {__version__}, PyTorch {torch.__version__}, Python {platform.python_version()}"

VERSIONS = ", ".join(
    (f"model-guidance {__version__}", f"PyTorch {torch.__version__}", f"Python {platform.python_version()}")
)


def write_demo_page(path: Path, table: Table, verdict: str, sheet: Figure, config: Config) -> Path:
    """Write the page with the table of scores, the heat maps and the settings; return its path."""
    environment = Environment(loader=PackageLoader("model_guidance.report"), autoescape=select_autoescape())
    text = environment.get_template("demo.html").render(
        columns=[column.header for column in table.columns],
        rows=list(zip(*(column.cells for column in table.columns), strict=True)),
        verdict=verdict,
        sheet=_png(sheet),
        settings=config.yaml(),
        versions=VERSIONS,
    )
    path.write_text(text, encoding="utf-8")
    return path


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()
