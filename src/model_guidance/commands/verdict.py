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
    parser.add_argument("--control", type=str, help="a run guided by --regions random, else as this one")
    return parser


def run(given: dict[str, Any]) -> None:
    """Print the figures, the sentence, and what is left of it beside a control."""
    from model_guidance.report.tables.repair import repair_table
    from model_guidance.runs.evidence import judge, judge_beyond

    named = {name: given[name] for name in ("run", "baseline", "control")}
    opened = {name: Run.open(Path(folder)) for name, folder in named.items() if folder}
    found = judge(opened["run"], opened.get("baseline"))
    said = [found.sentence]
    if "control" in opened:
        said.append(judge_beyond(opened["run"], opened["control"]).sentence)
    print(repair_table(found), *said, sep="\n")
