"""What a run tells of its epochs: validation scores, one row each, and what training took."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from model_guidance.errors import UserError
from model_guidance.evaluation import Scores
from model_guidance.files import is_there, read_text, write
from model_guidance.runs.folder import HISTORY, TABLE, TIMING


def write_history(folder: Path, rows: Sequence[Scores]) -> None:
    """Write one row per epoch, as CSV (for people) and as JSON lines (for programs)."""
    table = io.StringIO()
    writer = csv.DictWriter(table, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    write(folder / TABLE, table.getvalue().encode())
    write(folder / HISTORY, "".join(json.dumps(row) + "\n" for row in rows).encode())


def read_history(folder: Path) -> list[Scores]:
    """Return one row of scores per finished epoch, the first epoch first.

    Raises `UserError` if there is none yet, and naming the line if one is damaged.
    """
    path = folder / HISTORY
    lines = read_text(path).splitlines() if is_there(path) else []
    if not lines:
        raise UserError(f"{folder}: has no metrics yet: leave it out, or wait for its first epoch")
    return [_row(path, number, line) for number, line in enumerate(lines, 1)]


def _row(path: Path, number: int, line: str) -> Scores:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}, line {number}: this is half-written or damaged, not one epoch") from error
    if not (isinstance(row, dict) and row.get("epoch") == number and type(row["epoch"]) is int):
        raise UserError(f"{path}, line {number}: this is not epoch {number}'s scores")
    if not all(isinstance(value, int | float) for value in row.values()):
        raise UserError(f"{path}, line {number}: damaged, not every score is a number")
    return row


@dataclass(frozen=True)
class Cost:
    """What training took so far: seconds of its steps, scoring left aside, and what had to be known.

    `images` is the number of training images, all of which have labels, `annotated` that of those whose
    regions were used, and `grouped` that of those whose group was. `passes` counts those of an image through
    what is trained and back: one to classify it, one more to explain it, several with IntGrad. None: not
    recorded, by an earlier version.
    """

    seconds_per_step: float
    seconds: float | None = None
    images: int | None = None
    annotated: int | None = None
    grouped: int | None = None
    passes: int | None = None


def write_cost(folder: Path, cost: Cost) -> None:
    """Write what training took."""
    write(folder / TIMING, json.dumps(asdict(cost)).encode())


def read_cost(folder: Path) -> Cost | None:
    """Return what training took; None where the run does not say so."""
    path = folder / TIMING
    if not is_there(path):
        return None
    try:
        return msgspec.convert(json.loads(read_text(path)), Cost)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: this is damaged: delete it, a report does without the time") from error
