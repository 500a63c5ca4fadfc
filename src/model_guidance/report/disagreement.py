"""Runs whose maps improved while their behaviour did not: what a high EPG alone would hide."""

from collections.abc import Iterator

import pandas as pd

from model_guidance.report.read.reported import LAST
from model_guidance.report.tables.controls import other_explainers, under_baseline

ROSE = 0.05  # EPG, as a fraction: from here on a map counts as improved
NOTHING = 0.01  # reliance gap, as a fraction: up to here there is nothing that could shrink
RULE = (
    f"Listed are guided runs whose EPG {LAST} is more than 5 points above the (continued) "
    "baseline's, while EPG fell under a second attribution, or while the reliance gap (intact − outside "
    "replaced) did not shrink; with groups, only if the worst one did not rise, without, only if the gap is "
    "more than 1 point."
)


def disagreements(last: pd.DataFrame) -> list[str]:
    """Return one sentence for each guided run of `last_epochs` whose map and behaviour disagree."""
    if "epg" not in last:
        return []
    guided = last[last["own"] & (last["role"] == "guided")]
    return [line for _, run in guided.iterrows() for line in _of_run(last, run)]


def _of_run(last: pd.DataFrame, run: pd.Series) -> Iterator[str]:
    before = under_baseline(last, run["backbone"], run["explainer"], run["epochs"])
    if before.empty or not run["epg"] - before["epg"].mean() > ROSE:
        return
    rose = f"{run['run']}: EPG rose from {_percent(before['epg'].mean())} to {_percent(run['epg'])}, but "
    if "reliance gap" in last and not _behaves(run, before):
        gaps = _percent(before["reliance gap"].mean()), _percent(run["reliance gap"])
        yield rose + f"the reliance gap went from {gaps[0]} to {gaps[1]} points" + _groups(run, before)
    for _, other in other_explainers(last, pd.Series([run["run"]])).iterrows():
        known = under_baseline(last, run["backbone"], other["explainer"], run["epochs"])
        if not known.empty and other["epg"] < known["epg"].mean():
            fell = f"{_percent(known['epg'].mean())} to {_percent(other['epg'])}"
            yield rose + f"under {other['explainer']}, which was not trained, it fell from {fell}"


def _behaves(run: pd.Series, before: pd.DataFrame) -> bool:
    """Return whether the run leans less on the outside, or never did.

    Where there are groups they decide as well: between two models that only guess there is no gap.
    """
    if run["reliance gap"] < before["reliance gap"].mean():
        return True
    if "worst_group" in run:
        return bool(run["worst_group"] > before["worst_group"].mean())
    return bool(run["reliance gap"] <= NOTHING)


def _groups(run: pd.Series, before: pd.DataFrame) -> str:
    if "worst_group" not in run:
        return ""
    return (
        f", the worst group from {_percent(before['worst_group'].mean())} to {_percent(run['worst_group'])}"
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"
