"""A table for LaTeX: booktabs rules, siunitx columns, a caption, a label, and the best values in bold."""

from collections.abc import Collection

import pandas as pd

from model_guidance.report.escape import latex
from model_guidance.report.read.score import Spread

NEEDS = r"% needs \usepackage{booktabs, siunitx} and \sisetup{separate-uncertainty, detect-weight, mode=text}"


def latex_table(
    name: str, caption: str, cells: pd.DataFrame, text: pd.DataFrame, best: Collection[tuple[int, str]] = ()
) -> str:
    """Return the `text` of a table whose columns of numbers are aligned at the point.

    `cells` are the values behind the text; `best` are (row, column) of the values in bold; the label is
    `tab:NAME`.
    """
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
    return f"{NEEDS}\n{body}"


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
