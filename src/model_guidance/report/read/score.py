"""A score over seeds."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

import pandas as pd

from model_guidance.metrics.catalogue import fractions
from model_guidance.metrics.intervals import Estimate

NAMES = {score.name: score.label for score in fractions()}


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation over `count` seeds, in percent; of one seed the deviation is NaN.

    As text: "71.2 ± 0.4", without a deviation for one seed; `signed` ones, differences, with their sign.
    """

    mean: float
    deviation: float
    count: int
    signed: bool = False

    @classmethod
    def of(cls, fractions: Iterable[float], baseline: float | None = None) -> "Spread | None":
        """Return the spread of fractions in [0, 1], or of their distance to `baseline`; None if all miss."""
        zero = baseline or 0.0
        values = [100 * (float(value) - zero) for value in fractions if not pd.isna(value)]
        if not values or pd.isna(zero):
            return None
        deviation = stdev(values) if len(values) > 1 else float("nan")
        return cls(fmean(values), deviation, len(values), baseline is not None)

    def __str__(self) -> str:
        mean = f"{self.mean:+.1f}" if self.signed else f"{self.mean:.1f}"
        return f"{mean} ± {self.deviation:.1f}" if self.count > 1 else mean


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its 95 % interval, in percent.

    As text: "3.1 (1.0 to 5.2)"; `signed` ones, changes, with their signs.
    """

    value: float
    low: float
    high: float
    signed: bool

    @classmethod
    def of(cls, found: Estimate, *, signed: bool) -> "Interval":
        """Return an estimate, a fraction, in percent."""
        return cls(100 * found.value, 100 * found.low, 100 * found.high, signed)

    def __str__(self) -> str:
        sign = "+" if self.signed else ""
        return f"{self.value:{sign}.1f} ({self.low:{sign}.1f} to {self.high:{sign}.1f})"


def main_score(table: pd.DataFrame) -> str:
    """Return the score by which these runs' classifiers are judged: f1, or accuracy for exclusive classes."""
    return "f1" if "f1" in table else "accuracy"


def column(rows: pd.DataFrame, score: str) -> pd.Series:
    """Return a column of scores; where the runs have no such score, one of NaN."""
    return rows[score] if score in rows else pd.Series(float("nan"), rows.index)


def spread_of(rows: pd.DataFrame, score: str, baseline: pd.DataFrame | None = None) -> Spread | None:
    """Return the spread of a column over rows, or of its distance to the baseline's mean; None without it."""
    if score not in rows or (baseline is not None and baseline.empty):
        return None
    return Spread.of(rows[score], None if baseline is None else float(baseline[score].mean()))


def members(table: pd.DataFrame, nested: str) -> list[str]:
    """Return the names of all groups (classes) that have scores in the column `nested` of a table."""
    rows = table[nested].dropna() if nested in table else ()
    return list(dict.fromkeys(name for row in rows for name in row))


def spread_in(rows: pd.DataFrame, nested: str, member: str, score: str) -> Spread | None:
    """Return the spread over rows of one group's (class's) score in the column `nested`; None without it."""
    found = rows[nested].dropna() if nested in rows else ()
    return Spread.of(row.get(member, {}).get(score, float("nan")) for row in found)
