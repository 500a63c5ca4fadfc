"""Published figures: of runs whose data, network, attribution and loss are the same, and of other methods."""

from functools import cache
from importlib.resources import files

import pandas as pd

from model_guidance.data.opening import known_of
from model_guidance.report.read.labels import LOSSES
from model_guidance.report.read.roles import SCRATCH
from model_guidance.report.read.score import NAMES

NAMED = ("backbone", "attribution", "configuration")
PAIRS = (("epg", "f1"), ("worst_group", "accuracy"))  # how the publications report: EPG @ F1, worst / overall


@cache
def published() -> pd.DataFrame:
    """Return all published values: one row per score, in percent, with its source."""
    return _read("published.csv")


@cache
def rivals() -> pd.DataFrame:
    """Return the values of methods that need no boxes, in the same form, but with the method's name alone."""
    return _read("rivals.csv")


def _read(name: str) -> pd.DataFrame:
    with files("model_guidance.report.read").joinpath(name).open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype={"release": str}).fillna({"task": "", "release": ""})


def published_for(run: pd.Series) -> pd.DataFrame:
    """Return the values for runs like this one: a row per source, a column per score, in percent.

    Empty if nothing was published for exactly this, and for networks trained from random weights, with
    which the published ones, pretrained on ImageNet, cannot be compared.
    """
    known, loss = published(), _loss(run)
    method, _, layer = run["explainer"].partition("@")
    wanted = _data(run) | {
        "backbone": run["backbone"],
        "method": method,
        "layer": layer,
    }
    wanted |= {"loss": loss, "annotated": 1.0 if loss == "baseline" else run["annotated"]}
    same = (known[list(wanted)] == pd.Series(wanted)).all(axis="columns")
    exact = run["start"] != SCRATCH and loss and not run["dilate"]
    return known[same & bool(exact)].pivot(index="source", columns="score", values="value")


def published_groups(run: pd.Series) -> pd.DataFrame:
    """Return all that was published on groups for data like this run's: a row for each model and source.

    Columns: backbone, attribution, configuration (with the source), and the scores, in percent. Empty for
    data without such figures, and for networks trained from random weights, as in `published_for`.
    """
    ours, theirs = (_of_data(table, run) for table in (published(), rivals()))
    ours = ours.assign(
        attribution=ours["method"] + "@" + ours["layer"],
        configuration=[
            loss if loss == "baseline" else f"{LOSSES[loss]}, {100 * share:g} % of the boxes"
            for loss, share in zip(ours["loss"], ours["annotated"], strict=True)
        ],
    )
    theirs = theirs.assign(
        backbone="other methods", attribution="without boxes", configuration=theirs["method"]
    )
    both = pd.concat([ours, theirs])
    both["configuration"] += " (" + both["source"] + ")"
    rows = both.pivot(index=list(NAMED), columns="score", values="value").reset_index()
    order = {key: place for place, key in enumerate(both[list(NAMED)].itertuples(index=False, name=None))}
    return rows.iloc[sorted(range(len(rows)), key=lambda at: order[tuple(rows.loc[at, list(NAMED)])])]


def _of_data(table: pd.DataFrame, run: pd.Series) -> pd.DataFrame:
    """Return the rows of data with groups that are those of a run, none for one from random weights."""
    same = (table[["data", "task", "release"]] == pd.Series(_data(run))).all(axis="columns")
    grouped = table["score"].isin(["worst_group", "accuracy"])
    return table[same & grouped & (run["start"] != SCRATCH)]


def _data(run: pd.Series) -> dict[str, str]:
    known = known_of(run["data"])
    return {
        "data": run["data"],
        "task": known.task_of(run["options"]),
        "release": known.release_of(run["options"]),
    }


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
