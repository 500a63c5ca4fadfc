"""Scores side by side, as text."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev

from rich.table import Table

from model_guidance.evaluation import Evaluation, Scores
from model_guidance.metrics.catalogue import SCORES, Unit
from model_guidance.report.escape import terminal
from model_guidance.report.tables.text import rendered, text_table

Row = tuple[str, Unit, float]  # label, unit, value


def result_table(columns: Mapping[str, Evaluation]) -> str:
    """Return a table with one column per model and one row per score, those of single classes left out."""
    rows = {
        name: {label: _text(unit, value) for label, unit, value in _rows(found)}
        for name, found in columns.items()
    }
    table = text_table(rows)
    for label in dict.fromkeys(label for each in rows.values() for label in each):
        table.add_row(terminal(label), *(each.get(label, "–") for each in rows.values()))
    return rendered(table)


def spread_table(columns: Mapping[str, Sequence[Scores]]) -> Table:
    """Return a table of mean ± standard deviation over seeds, a column per model, a row per score.

    With one seed there is no spread, and none is shown.
    """
    table = text_table(columns)
    for label in next(iter(columns.values()))[0]:
        table.add_row(
            terminal(label), *(_spread([scores[label] for scores in each]) for each in columns.values())
        )
    return table


def seeds_table(columns: Mapping[str, Sequence[Evaluation]]) -> str:
    """Return the mean ± standard deviation over seeds of all scores that are fractions, in percent."""
    rows = {
        name: [{label: value for label, unit, value in _rows(found) if unit == "%"} for found in each]
        for name, each in columns.items()
    }
    shared = set.intersection(*(set(scores) for each in rows.values() for scores in each))
    kept = {
        name: [{label: value for label, value in scores.items() if label in shared} for scores in each]
        for name, each in rows.items()
    }
    return rendered(spread_table(kept))


def _rows(found: Evaluation) -> Iterator[Row]:
    """Yield the scores in the order of the catalogue, then those of groups and of replaced pixels."""
    yield from (
        (score.label, score.unit, found.scores[name])
        for name, score in SCORES.items()
        if name in found.scores
    )
    yield from ((f"group: {name}", "%", scores["accuracy"]) for name, scores in found.groups.items())
    if found.reliance is not None:
        if found.reliance.images:  # 0.1 did not count them
            yield "altered images", "count", found.reliance.images
        yield "intact", "%", found.reliance.intact
        for side in ("outside", "inside"):
            yield from ((f"{side}: {filler}", "%", v) for filler, v in getattr(found.reliance, side).items())


def _spread(values: Sequence[float]) -> str:
    mean = f"{100 * fmean(values):.1f}"
    return f"{mean} ± {100 * stdev(values):.1f}" if len(values) > 1 else mean


def _text(unit: Unit, value: float) -> str:
    """Return one score as text: fractions in percent, counts and thresholds as they are."""
    return {"%": f"{100 * value:.1f}", "count": f"{value:.0f}"}.get(unit, f"{value:.3f}")
