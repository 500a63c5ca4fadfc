"""The validation scores of a run, epoch by epoch."""

import json
from pathlib import Path

from model_guidance.errors import UserError
from model_guidance.runs.checkpoints import Row

FILE = "metrics.jsonl"


def read_history(folder: Path) -> list[Row]:
    """Return one row of scores per finished epoch, the first epoch first.

    Raises `UserError` if there is none yet, and naming the line if one is damaged.
    """
    path = folder / FILE
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    if not lines:
        raise UserError(f"{folder}: has no metrics yet: leave it out, or wait for its first epoch")
    return [_row(path, number, line) for number, line in enumerate(lines, 1)]


def _row(path: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise UserError(f"{path}, line {number}: this is half-written or damaged, not one epoch") from error
    if not (isinstance(row, dict) and isinstance(row.get("epoch"), int)):
        raise UserError(f"{path}, line {number}: this is not one epoch's scores, it has no 'epoch'")
    return row
