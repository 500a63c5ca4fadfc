"""What a finished run scored: `result.json`, and the files of other explainers; those of 0.1 as well."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation, Reliance, Scores
from model_guidance.files import is_there, read_text, write

INTACT, OUTSIDE, INSIDE, GROUP, CLASS = "intact", "outside: ", "inside: ", "group: ", "class: "  # in 0.1


@dataclass(frozen=True)
class Result:
    """Test scores of the best epoch on validation, of the last, and of those on the front, by epoch."""

    epochs: int
    best_epoch: int
    best: Evaluation
    last: Evaluation
    front: dict[int, Evaluation] = field(default_factory=dict)
    versions: str = ""


def write_result(path: Path, result: Result) -> None:
    """Write the scores of a run."""
    write(path, as_json(result))


def read_result(path: Path) -> Result | None:
    """Return what `write_result` wrote, None if there is nothing; raises `UserError` if it is damaged."""
    if not is_there(path):
        return None
    return _read(path, Result)


def write_evaluations(path: Path, evaluations: Mapping[str, Evaluation]) -> None:
    """Write the scores of checkpoints, by their names."""
    write(path, as_json(evaluations))


def read_evaluations(path: Path) -> dict[str, Evaluation]:
    """Return what `write_evaluations` wrote; raises `UserError` if it is damaged."""
    return _read(path, dict[str, Evaluation])


def as_json(record: Result | Evaluation | Mapping[str, Evaluation]) -> bytes:
    """Return a record as JSON."""
    return json.dumps(msgspec.to_builtins(record, str_keys=True), indent=1).encode()


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.convert(_upgraded(json.loads(read_text(path))), kind, strict=False)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: this is damaged or of another version of model-guidance") from error


def _upgraded(content: Any) -> Any:
    """Return the content with every flat row of 0.1 as a record of today."""
    if not isinstance(content, dict):
        return content
    if "pairs" in content:
        return msgspec.to_builtins(_nested(content))
    return {name: _upgraded(value) for name, value in content.items()} if "scores" not in content else content


def _nested(row: Scores) -> Evaluation:
    """Return a row of 0.1, whose names say what each score is of; it did not count images."""
    groups = {name.removeprefix(GROUP): {"accuracy": v} for name, v in row.items() if name.startswith(GROUP)}
    classes: dict[str, Scores] = {}
    for name, value in row.items():
        if name.startswith(CLASS):
            of, _, score = name.removeprefix(CLASS).rpartition(": ")
            classes.setdefault(of, {})[score] = value
    packed = (GROUP, CLASS, OUTSIDE, INSIDE, INTACT)
    scores = {name: value for name, value in row.items() if not name.startswith(packed)}
    return Evaluation(0, scores, groups, classes, _reliance(row))


def _reliance(row: Scores) -> Reliance | None:
    if INTACT not in row:
        return None
    outside, inside = (
        {name.removeprefix(side): value for name, value in row.items() if name.startswith(side)}
        for side in (OUTSIDE, INSIDE)
    )
    return Reliance(0, row[INTACT], outside, inside)
