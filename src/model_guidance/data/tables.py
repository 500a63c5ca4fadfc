"""Tables that people keep in spreadsheets: CSV in any encoding that says what it is."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from model_guidance.errors import UserError, shortened
from model_guidance.files import read_text

SEPARATORS = ",;\t"  # a spreadsheet's "CSV" has the one or the other, by its language


def rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each row as ("PATH line N", cells by column); the header must name `columns`, in any order.

    Raises `UserError` for another header, and by its line for a row with too few or too many cells.
    """
    text = read_text(path)
    header = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(header), strict=True)
    names: list[str] = []
    try:
        for cells in reader:
            where = f"{path} line {reader.line_num}"
            if not cells:
                continue
            if not names:
                names = _header(cells, columns, where)
            elif len(cells) != len(names):
                raise UserError(f"{where}: has {len(cells)} cells, but the header has {len(names)}")
            else:
                yield where, dict(zip(names, cells, strict=True))
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: is no row of a CSV file ({error})") from error
    if not names:
        raise UserError(f"{path} line 1: the header must be {','.join(columns)}")


def _separator(header: str) -> str:
    return max(SEPARATORS, key=header.count)


def _header(cells: list[str], columns: Sequence[str], where: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not set(columns) <= set(names) or len(set(names)) < len(names):
        found = shortened(",".join(names))
        raise UserError(f"{where}: the header must be {','.join(columns)}, each once; it is {found}")
    return names
