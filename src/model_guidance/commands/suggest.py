"""`model-guidance suggest`: which images to mark next."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_guidance.commands.parser import Parser
from model_guidance.files import check_output_folder
from model_guidance.runs.folder import Run


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `suggest`."""
    parser = Parser(
        description="Say which images to mark next, and write them as tasks for annotation tools."
    )
    parser.add_argument("run", type=str, help="the run's folder")
    parser.add_argument("--count", type=int, default=25, help="how many images")
    parser.add_argument(
        "--by", type=str, default="all", help="disagreement, border, doubt, variety, typical or all"
    )
    parser.add_argument("--split", type=str, default="train", help="train, val or test")
    parser.add_argument("--checkpoint", type=str, default="best", help="best, last or front/epoch-NNN")
    parser.add_argument(
        "--marked", type=str, help="file with the names of images that count as marked, one in a line"
    )
    parser.add_argument("--out", type=str, default="suggestions", help="folder for page, table and tasks")
    return parser


def run(given: dict[str, Any]) -> None:
    """Choose, write, and print the files."""
    from model_guidance.finding.suggestions import suggest
    from model_guidance.report.suggestions import write_suggestions

    out, marked = Path(given.pop("out")), given.pop("marked")
    check_output_folder(out)
    opened = Run.open(Path(given.pop("run")))
    found = suggest(opened, marked=Path(marked) if marked else None, **given)
    for file in write_suggestions(found, given["by"], out):
        print(file)
