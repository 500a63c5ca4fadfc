"""A table for LaTeX: booktabs rules, siunitx columns, a caption, a label, and the best values in bold."""

from collections.abc import Collection, Sequence
from itertools import zip_longest

import pandas as pd

from model_guidance.report.escape import latex
from model_guidance.report.read.score import Spread

NEEDS = r"% needs \usepackage{booktabs, siunitx} and \sisetup{separate-uncertainty, detect-weight, mode=text}"


def latex_table(
    name: str,
    caption: str,
    cells: pd.DataFrame,
    text: pd.DataFrame,
    best: Collection[tuple[int, str]] = (),
    shared: Sequence[str] = (),
) -> str:
    """Return the `text` of a table whose columns of numbers are aligned at the point.

    `cells` are the values behind the text; `best` are (row, column) of the values in bold; `shared` columns
    are lines above the rows that have the same in them. The label is `tab:NAME`.
    """
    parts = [", ".join(row) for row in text[list(shared)].itertuples(index=False, name=None)]
    text = text.drop(columns=list(shared))
    formats = {column: _number_format(cells[column]) for column in text}
    shown = pd.DataFrame(
        {
            latex(str(column)): [_number(cell) if formats[column] else latex(cell) for cell in text[column]]
            for column in text
        }
    )
    bold = pd.DataFrame("", shown.index, shown.columns)
    for row, column in best:
        if column in text:
            bold.loc[row, latex(column)] = "bfseries: ;"
    style = shown.style.hide(axis="index").apply(lambda _: bold, axis=None)
    body = style.to_latex(
        hrules=True,
        siunitx=True,
        column_format=" ".join(each or "l" for each in formats.values()),
        caption=latex(caption),
        label=f"tab:{name}",
        position="htbp",
        position_float="centering",
    )
    return f"{NEEDS}\n{_parted(body, parts, len(formats))}"


def _parted(body: str, parts: Sequence[str], columns: int) -> str:
    """Put a line above each row that is of another part than the one before it."""
    above, rule, rows = body.partition("\\midrule\n")
    lines, before = [], ""
    for line, part in zip_longest(rows.split("\n"), parts, fillvalue=""):
        if part and part != before:
            lines.append(rf"\multicolumn{{{columns}}}{{l}}{{\textit{{{latex(part)}}}}} \\")
        lines.append(line)
        before = part
    return above + rule + "\n".join(lines)


def _number_format(column: pd.Series) -> str | None:
    """Return the siunitx column for spreads, None for a column that holds anything else."""
    spreads = [cell for cell in column if isinstance(cell, Spread)]
    if not spreads or len(spreads) < column.notna().sum():
        return None
    digits = max(len(f"{abs(each.mean):.0f}") for each in spreads)
    deviations = [len(f"{10 * each.deviation:.0f}") for each in spreads if each.count > 1]
    uncertainty = f"({max(deviations)})" if deviations else ""
    sign = "retain-explicit-plus, table-format=+" if spreads[0].signed else "table-format="
    return f"S[{sign}{digits}.1{uncertainty}]"


def _number(cell: str) -> str:
    return "{--}" if cell == "–" else cell.replace("−", "-").replace("±", "+-")
