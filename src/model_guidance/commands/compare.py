"""`model-guidance compare`: guidance and its rivals side by side, with what each needed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_guidance.commands.parser import Parser


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `compare`."""
    parser = Parser(
        description="Compare finished runs: what each configuration needed (labels, regions, groups, epochs, "
        "seconds), what it reached in its last epoch, and the verdict on it."
    )
    parser.add_argument("runs", type=str, nargs="+", help="run folders, or folders that contain some")
    return parser


def run(given: dict[str, Any]) -> None:
    """Print the tables, a pair for all runs that may be compared with each other."""
    from model_guidance.report.comparison import compared

    for text in compared([Path(folder) for folder in given["runs"]]):
        print(text)
