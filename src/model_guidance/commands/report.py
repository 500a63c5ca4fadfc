"""`model-guidance report`: what finished runs amount to, side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_guidance.commands.parser import Parser


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `report`."""
    parser = Parser(description="Compare finished runs: tables, figures, and one page that needs no network.")
    parser.add_argument("runs", type=str, nargs="+", help="run folders, or folders that contain some")
    parser.add_argument("--out", type=str, default="report", help="folder for the page and its parts")
    parser.add_argument("--title", type=str, default="Model guidance", help="title of the page")
    parser.add_argument(
        "--inspect",
        type=str | None,
        default=None,
        help="train, val or test: show what baseline and guided model look at there, as `inspect` does",
    )
    return parser


def run(given: dict[str, Any]) -> None:
    """Write the page; print where it is, what was left out of it, and the verdicts."""
    from model_guidance.data.readers.options import check_split
    from model_guidance.report.page import write_report

    if given["inspect"] is not None:
        check_split(given["inspect"], "inspect")
    folders, out = [Path(folder) for folder in given["runs"]], Path(given["out"])
    report = write_report(folders, out, given["title"], inspect=given["inspect"])
    print(*report.warnings, report.page, *report.verdicts, sep="\n")
