"""The model that stands for a configuration: chosen on validation scores, reported with test scores."""

from collections.abc import Hashable

import pandas as pd
import torch

from model_guidance.report.read.roles import GUIDED, ROLES
from model_guidance.report.read.score import column, main_score
from model_guidance.selection import least_score, representative

CHOSEN, LAST = "in the epoch that validation chose", "in the last epoch"  # said with each number on a page
ONE = ["backbone", "explainer", "role", "configuration"]  # what makes a configuration, seeds and lambda aside


def panels(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the (backbone, explainer) under which configurations are compared: those that were guided.

    Backbones that were never guided are compared under their own explainer.
    """
    own = table[table["own"]]
    guided = own[own["role"].isin(GUIDED)]
    rest = own[~own["backbone"].isin(guided["backbone"])]
    pairs = pd.concat([guided, rest])[["backbone", "explainer"]].drop_duplicates()
    return sorted(pairs.itertuples(index=False, name=None))


def reported(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per (backbone, explainer, configuration, replicate), in order.

    Of a guided configuration and its controls it is the representative model among the tested checkpoints
    of all lambdas: the highest validation EPG that costs at most 5 points of F1 (accuracy) compared with the
    baseline; where no validation image has a region, simply the best on validation. Where there is none it
    is the one that costs least, and the column `representative` is False.
    Of all others it is the best epoch on validation, under every explainer in which anything was guided.
    """
    guided = table[table["own"] & table["role"].isin(GUIDED)]
    groups = guided.groupby([*ONE, "replicate"], sort=False)
    models = [_representative(rows, _reference(table, rows)) for _, rows in groups]
    fixed = table[~table["role"].isin(GUIDED) & (table["kind"] == "best")]
    shown = pd.MultiIndex.from_frame(fixed[["backbone", "explainer"]]).isin(panels(table))
    return in_order(pd.concat([fixed[shown].assign(representative=True), *models]))


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows by backbone, attribution and role, as all tables show them."""
    by_role = rows["role"].map(ROLES.index)
    order = rows.assign(role=by_role).sort_values(["backbone", "explainer", "role"], kind="stable").index
    return rows.loc[order]


def baseline(rows: pd.DataFrame, epochs: int | None = None) -> pd.DataFrame:
    """Return the rows of the plain baseline, or of the continued one where there is no other.

    Where they were trained for different numbers of epochs, those that come closest to `epochs`.
    """
    plain = rows[rows["role"] == "baseline"]
    return _closest(rows[rows["role"] == "baseline, continued"] if plain.empty else plain, epochs)


def same_budget(rows: pd.DataFrame, epochs: int | None = None) -> pd.DataFrame:
    """Return the rows of the continued baseline, or of the plain one where there is no other.

    Of these, those that come closest to `epochs`, as above.
    """
    continued = rows[rows["role"] == "baseline, continued"]
    return _closest(rows[rows["role"] == "baseline"] if continued.empty else continued, epochs)


def budget(guided: pd.DataFrame) -> int | None:
    """Return for how many epochs guided runs were trained, the first where they differ; None without any."""
    return int(guided["epochs"].iloc[0]) if len(guided) else None


def _closest(found: pd.DataFrame, epochs: int | None) -> pd.DataFrame:
    if epochs is None or found.empty:
        return found
    distance = (found["epochs"] - epochs).abs()
    return found[distance == distance.min()]


def by_configuration(models: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of the baseline, if any, and of each guided configuration, the highest EPG first.

    Of several baselines it is the one with as many epochs as the guided runs.
    """
    guided = models[models["role"] == "guided"]
    guided = guided.loc[column(guided, "epg").sort_values(ascending=False, kind="stable").index]
    found = {"baseline": baseline(models, budget(guided))} | dict(
        list(guided.groupby("configuration", sort=False))
    )
    return {str(label): rows for label, rows in found.items() if not rows.empty}


def unrepresented(models: pd.DataFrame) -> list[str]:
    """Return "CONFIGURATION (seeds REPLICATE, REPLICATE)" for the `reported` models that cost too much.

    The attribution is named as well where it is not the only one that runs were trained with.
    """
    found = models[~models["representative"]]
    return [
        f"{_named(models, key)} ({_seeds(rows['replicate'])})" for key, rows in found.groupby(ONE, sort=False)
    ]


def _named(table: pd.DataFrame, key: tuple[Hashable, ...]) -> str:
    backbone, explainer, _, configuration = key
    own = table[table["own"]]
    told = [of for name, of in (("backbone", backbone), ("explainer", explainer)) if {*own[name]} != {of}]
    return ", ".join(map(str, [configuration, *told]))


def _seeds(replicates: pd.Series) -> str:
    names = ["/".join(dict.fromkeys(each.split("/"))) for each in replicates]  # "1/1" says no more than "1"
    return f"seed{'s' * (len(names) > 1)} {', '.join(names)}"


def too_strong(table: pd.DataFrame) -> list[str]:
    """Return "λ 5 of CONFIGURATION" where no tested checkpoint of it keeps to the allowed loss, as above.

    Where nothing was weighted by a fixed λ, that is the configuration alone.
    """
    found = []
    for key, rows in _guided(table).groupby(ONE, sort=False):
        least = least_score(_reference(table, rows))
        best = column(rows, f"val {main_score(rows)}").groupby(rows["lambda"]).max()
        failed = [weight for weight, kept in best.items() if kept < least]
        found += [
            f"λ {weight:g} of {_named(table, key)}" if weight else _named(table, key) for weight in failed
        ]
    return found


def _guided(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["own"] & (table["role"] == "guided")]


def _representative(rows: pd.DataFrame, reference: float) -> pd.DataFrame:
    names = (f"val {name}" for name in (main_score(rows), "epg"))
    main, epg = (torch.tensor(column(rows, name).to_numpy(float)) for name in names)
    place = representative(main, main if epg.isnan().all() else epg, reference)
    best = int(main.argmax()) if place is None else place
    return rows.iloc[[best]].assign(representative=place is not None)


def _reference(table: pd.DataFrame, rows: pd.DataFrame) -> float:
    """Return the baselines' mean main score on validation; without a baseline, the best of the rows."""
    column = f"val {main_score(rows)}"
    same = table[(table["backbone"] == rows["backbone"].iloc[0]) & table["own"] & (table["kind"] == "best")]
    found = baseline(same, rows["epochs"].iloc[0])
    return float(rows[column].max() if found.empty else found[column].mean())
