"""`model-guidance verdict`: whether guidance repaired a run, judged by its behaviour on test images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_guidance.commands.parser import Parser
from model_guidance.runs.folder import Run


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `verdict`."""
    parser = Parser(
        description="Judge the last epoch of a run beside a baseline, by what both do with the test images: "
        "repaired, partly repaired, hidden, unchanged, harmed, or it cannot be told."
    )
    parser.add_argument("run", type=str, help="the run's folder")
    parser.add_argument(
        "--baseline",
        type=str,
        help="the run to compare with, trained for as many epochs; by default the one it started from",
    )
    return parser


def run(given: dict[str, Any]) -> None:
    """Print the figures and the sentence."""
    from model_guidance.report.tables.repair import repair_table
    from model_guidance.runs.evidence import judge

    baseline = given["baseline"]
    found = judge(Run.open(Path(given["run"])), Run.open(Path(baseline)) if baseline else None)
    print(repair_table(found))
    print(found.sentence)
