"""What finished runs say of which class images are taken for, by configuration."""

from collections.abc import Iterable

import pandas as pd

from model_guidance.report.read.score import Spread

CONFUSION = "confusion"  # the column of `Results.tested`


def configurations(last: pd.DataFrame, backbone: str, explainer: str) -> dict[str, pd.DataFrame]:
    """Return the rows of a panel's runs with confusions by configuration, the baseline among them."""
    if CONFUSION not in last:
        return {}
    here = last[(last["backbone"] == backbone) & (last["explainer"] == explainer) & last[CONFUSION].notna()]
    return {str(label): rows for label, rows in here.groupby("configuration", sort=False)}


def classes_in(tables: Iterable[pd.DataFrame]) -> list[str]:
    """Return the classes that have images in any of the rows, then those that are only taken for one."""
    found = [row for rows in tables for row in rows[CONFUSION]]
    taken = [name for row in found for counts in row.values() for name in counts]
    return list(dict.fromkeys([*(name for row in found for name in row), *taken]))


def share_in(rows: pd.DataFrame, true: str, taken: str) -> Spread | None:
    """Return which share of a class's images is taken for another, over the rows; None without images."""
    counts = [row[true] for row in rows[CONFUSION] if true in row]
    return Spread.of(each.get(taken, 0) / sum(each.values()) for each in counts)
