"""`model-guidance evaluate`: the scores of one checkpoint, and what they say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_guidance.commands.parser import Parser
from model_guidance.files import check_output, write
from model_guidance.runs.folder import Run


def parser(_: Sequence[str]) -> Parser:
    """Return the options of `evaluate`."""
    parser = Parser(description="Score a run's checkpoint: predictions, maps, and reliance on the outside.")
    parser.add_argument("run", type=str, help="the run's folder")
    parser.add_argument("--checkpoint", type=str, default="best", help="best, last or front/epoch-NNN")
    parser.add_argument("--split", type=str, default="test", help="train, val or test")
    parser.add_argument("--method", type=str, help="another attribution method than the run's")
    parser.add_argument("--layer", type=str, help="another layer than the run's")
    parser.add_argument("--out", type=str, help="write the scores to this JSON file as well")
    return parser


def run(given: dict[str, Any]) -> None:
    """Score, write the scores where asked for, and print them."""
    from model_guidance.metrics.verdict import of_model
    from model_guidance.report.tables.confusion import confusion_text
    from model_guidance.report.tables.console import result_table
    from model_guidance.runs.evaluate import evaluate_run
    from model_guidance.runs.result import as_json

    folder, out = given.pop("run"), given.pop("out")
    if out:
        check_output(Path(out))
    opened = Run.open(Path(folder))
    scores = evaluate_run(opened, **given)
    if out:
        write(Path(out), as_json(scores))
    print(result_table({f"{given['checkpoint']}, {given['split']}": scores}))
    confused = confusion_text(scores)
    if confused is not None:
        print(confused)
    print(of_model(scores, len(opened.classes)))
