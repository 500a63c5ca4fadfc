"""Rows of text as a CSV file that a spreadsheet can open."""

import csv
import io
from collections.abc import Sequence

from model_guidance.report.escape import spreadsheet


def as_csv(rows: Sequence[dict[str, str]]) -> bytes:
    """Return rows, which have the same columns, as CSV in UTF-8; there must be at least one."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]))
    writer.writeheader()
    writer.writerows({key: spreadsheet(value) for key, value in row.items()} for row in rows)
    return buffer.getvalue().encode("utf-8", "replace")
