"""Published figures, for runs whose data, network, attribution and loss are the same."""

from functools import cache
from importlib.resources import files

import pandas as pd

from model_guidance.data.opening import known_of
from model_guidance.report.read.roles import SCRATCH
from model_guidance.report.read.score import NAMES

PAIRS = (("epg", "f1"), ("worst_group", "accuracy"))  # how the publications report: EPG @ F1, worst / overall


@cache
def published() -> pd.DataFrame:
    """Return all published values: one row per score, in percent, with its source."""
    with files("model_guidance.report.read").joinpath("published.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file).fillna({"task": ""})


def published_for(run: pd.Series) -> pd.DataFrame:
    """Return the values for runs like this one: a row per source, a column per score, in percent.

    Empty if nothing was published for exactly this, and for networks trained from random weights, with
    which the published ones, pretrained on ImageNet, cannot be compared.
    """
    known, loss = published(), _loss(run)
    method, _, layer = run["explainer"].partition("@")
    task = known_of(run["data"]).task_of(run["options"])
    wanted = {
        "data": run["data"],
        "task": task,
        "backbone": run["backbone"],
        "method": method,
        "layer": layer,
    }
    wanted |= {"loss": loss, "annotated": 1.0 if loss == "baseline" else run["annotated"]}
    same = (known[list(wanted)] == pd.Series(wanted)).all(axis="columns")
    exact = run["start"] != SCRATCH and loss and not run["dilate"]
    return known[same & bool(exact)].pivot(index="source", columns="score", values="value")


def published_pair(run: pd.Series) -> str | None:
    """Return "EPG 71.7 @ F1 79.4 (paper)", of all sources, or None if there is nothing to compare with."""
    found = published_for(run)
    shown = [
        f"{NAMES[first]} {row[first]:g} @ {NAMES[second]} {row[second]:g} ({source})"
        for source, row in found.iterrows()
        for first, second in PAIRS
        if first in found and second in found
    ]
    return "; ".join(shown) or None


def _loss(run: pd.Series) -> str:
    named = {"baseline": "baseline", "guided": run["localization loss"]}
    return named.get(run["role"], "")
