"""Tables that people keep: CSV in any encoding that says what it is, and Parquet."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from model_guidance.errors import UserError, shortened
from model_guidance.files import check_file, read_text

PARQUET = ".parquet"
LISTED = "|"  # between several values in one cell
SEPARATORS = ",;\t"  # a spreadsheet's "CSV" has the one or the other, by its language


def rows(
    path: Path, columns: Sequence[str], aliases: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each row as ("PATH line N", cells by column); the header must name `columns`, in any order.

    `aliases` are other names that columns may have.

    Raises `UserError` for another header, and by its line for a row with too few or too many cells.
    """
    if path.suffix.lower() == PARQUET:
        yield from _parquet(path, columns, aliases)
        return
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
                names = _header(cells, columns, aliases, where)
            elif len(cells) != len(names):
                raise UserError(f"{where}: has {len(cells)} cells, but the header has {len(names)}")
            else:
                yield where, dict(zip(names, cells, strict=True))
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: is no row of a CSV file ({error})") from error
    if not names:
        raise UserError(f"{path} line 1: the header must be {','.join(columns)}")


def columns_of(path: Path) -> set[str]:
    """Return the names of a table's columns."""
    if path.suffix.lower() == PARQUET:
        return set(_opened(path)[0])
    header = read_text(path).lstrip().partition("\n")[0]
    return {cell.strip().strip('"') for cell in header.split(_separator(header))}


def _opened(path: Path) -> tuple[list[str], Any]:
    """Return the names of a Parquet file's columns, and its table; `UserError` where it cannot be read."""
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        raise UserError(f"{path}: needs pyarrow: pip install 'model-guidance[parquet]'") from error
    check_file(path)
    try:
        table = parquet.read_table(path)
        return table.column_names, table  # names may be texts in no known encoding
    except (ArrowException, OSError, ValueError) as error:
        raise UserError(f"{path}: is no Parquet file that can be read ({error})") from error


def _parquet(
    path: Path, columns: Sequence[str], aliases: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each row as if it stood in a CSV; lists are joined by `LISTED`, what is missing is empty."""
    found, table = _opened(path)
    names = _header(found, columns, aliases, str(path))
    try:
        cells = zip(*[each.to_pylist() for each in table.columns], strict=True)
    except (ArithmeticError, OSError, ValueError) as error:  # of Arrow, and texts in no known encoding
        raise UserError(f"{path}: has values that cannot be read ({error})") from error
    for place, row in enumerate(cells, start=1):
        yield f"{path} row {place}", dict(zip(names, map(_text, row), strict=True))


def _text(cell: object) -> str:
    if isinstance(cell, list):
        return LISTED.join(map(_text, cell))
    return "" if cell is None else str(cell)


def _separator(header: str) -> str:
    return max(SEPARATORS, key=header.count)


def _header(cells: list[str], columns: Sequence[str], aliases: Mapping[str, str], where: str) -> list[str]:
    names = [aliases.get(cell.strip(), cell.strip()) for cell in cells]
    if not set(columns) <= set(names) or len(set(names)) < len(names):
        found = shortened(",".join(names))
        raise UserError(f"{where}: the header must be {','.join(columns)}, each once; it is {found}")
    return names
