"""Names of configurations, made of what differs among the runs of one section."""

from collections.abc import Sequence

import pandas as pd

from model_guidance.data.opening import known_of
from model_guidance.report.read.roles import GUIDED

LOSSES = {"energy": "Energy", "l1": "L1", "ppce": "PPCE", "rrr": "RRR*"}
WEIGHTINGS = {"groups": "balanced groups", "group_dro": "GroupDRO", "errors": "JTT"}
TRAINING = ("augment", "epochs", "batch", "lr", "frozen", "views", "freeze_statistics", "start", "upweight")
REGIONS = ("annotated", "dilate", "regions")
COMPOSITES = ("composites", "replaced", "filler", "composites_weight")
GUIDANCE = (
    *REGIONS,
    "annotated_batch",
    "guided_part",
    "reduction",
    "target_epg",
    "allowed_loss",
    *COMPOSITES,
    "weighting",
)
WORDS = {"target_epg": "target EPG", "allowed_loss": "allowed loss", "start": "from"}
WORDS |= {"composites": "share", "composites_weight": "weight", "freeze_statistics": "frozen statistics"}
WORDS |= {"annotated_batch": "beside a batch", "guided_part": "guided part"}


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a column `configuration`, equal for runs that differ in seeds and lambda only.

    The attribution and the backbone are no part of the name: tables and figures keep them apart.
    """
    parts = {role: _parts(table, role) for role in table["role"].unique()}
    names = [_name(row, parts[row["role"]]) for _, row in table.iterrows()]
    return table.assign(configuration=names)


def controls_of(table: pd.DataFrame, guided: pd.Series) -> pd.DataFrame:
    """Return the rows that are of random regions and else like a guided one, but for seeds and lambda."""
    random = table[(table["role"] == "random regions") & (table["explainer"] == guided["explainer"])]
    random = random[random["backbone"] == guided["backbone"]]
    alike = [_means_and_settings(row) == _means_and_settings(guided) for _, row in random.iterrows()]
    return random[pd.Series(alike, random.index, dtype=bool)]


def _means_and_settings(row: pd.Series) -> tuple[str, ...]:
    names = [name for name in (*TRAINING, *GUIDANCE) if name in row and name != "regions"]
    return (means(row), *(_part(row, name) for name in names))


def _parts(table: pd.DataFrame, role: str) -> list[str]:
    """Return the settings in which the runs of a role differ; the controls are like the guided runs."""
    same = table[table["role"].isin(GUIDED)] if role in GUIDED else table[table["role"] == role]
    same = same.assign(regions=same["regions"].where(same["regions"] != "random"))
    fields = TRAINING + (GUIDANCE if role in GUIDED else ())
    return [name for name in fields if name in table and same[name].nunique(dropna=name == "regions") > 1]


def _name(row: pd.Series, parts: Sequence[str]) -> str:
    rest = [_part(row, name) for name in parts if name not in REGIONS]
    if row["role"] not in GUIDED:
        return ", ".join([_rival(row) if row["role"] == "weighted" else row["role"], *filter(None, rest)])
    return ", ".join(filter(None, [means(row), _region(row, parts), *rest]))


def _rival(row: pd.Series) -> str:
    """Return by what rule images count, and whether they are of data without the shortcut."""
    name = WEIGHTINGS.get(row["weighting"], row["weighting"])
    held_out = known_of(row["data"]).is_ceiling(row["options"])
    return f"{name} on data without the shortcut" if held_out else name


def means(row: pd.Series) -> str:
    """Return by what a run was guided: a localization loss, composites, or both."""
    by_maps = row["lambda"] > 0 or row.reindex(["target_epg", "allowed_loss"]).notna().any()
    loss = LOSSES.get(row["localization loss"], row["localization loss"])
    return " + ".join([loss] * bool(by_maps) + ["composites"] * bool(row["composites"]))


def _region(row: pd.Series, parts: Sequence[str]) -> str:
    kind = "random regions" if row["role"] == "random regions" else row["regions"]
    share = f"{100 * row['annotated']:g} % of the {kind}" if row["annotated"] < 1 else kind
    coarse = f" +{100 * row['dilate']:g} %" if row["dilate"] else ""
    return (share if "annotated" in parts else kind) + coarse if _tells(row, parts) else ""


def _tells(row: pd.Series, parts: Sequence[str]) -> bool:
    return row["role"] == "random regions" or any(name in parts for name in REGIONS)


def _part(row: pd.Series, name: str) -> str:
    value = row[name]
    if pd.isna(value) or (name in COMPOSITES and not row["composites"]):
        return ""
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{WORDS.get(name, name)} {shown}"
