"""`model-guidance inspect`: what a model looks at, before anyone marks anything."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_guidance.commands.parser import Parser
from model_guidance.files import check_output_folder
from model_guidance.runs.folder import Run


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `inspect`."""
    parser = Parser(
        description="Group images by where, and on what, the evidence for the model's answer lies."
    )
    parser.add_argument("run", type=str, help="the run's folder")
    parser.add_argument("--split", type=str, default="val", help="train, val or test")
    parser.add_argument("--checkpoint", type=str, default="best", help="best, last or front/epoch-NNN")
    parser.add_argument("--layer", type=str, help="another layer than the run's: an earlier one sees parts")
    parser.add_argument("--seed", type=int, default=0, help="of the clustering")
    parser.add_argument("--out", type=str, default="inspection", help="folder for page, picture and table")
    return parser


def run(given: dict[str, Any]) -> None:
    """Group, write, and print the files."""
    from model_guidance.finding.inspection import inspect_run
    from model_guidance.report.evidence_kinds import write_inspection

    out = Path(given.pop("out"))
    check_output_folder(out)
    opened = Run.open(Path(given.pop("run")))
    for file in write_inspection(inspect_run(opened, **given), out):
        print(file)
