"""Names of configurations, made of what differs among the runs of one section."""

from collections.abc import Sequence

import pandas as pd

from model_guidance.data.opening import known_of
from model_guidance.report.read.roles import GUIDED

LOSSES = {"energy": "Energy", "l1": "L1", "ppce": "PPCE", "rrr": "RRR*"}
WEIGHTINGS = {"groups": "balanced groups", "group_dro": "GroupDRO", "errors": "JTT"}
OPTIMISATION = ("optimizer", "lr", "weight_decay", "momentum", "schedule", "warmup", "ema", "patience")
TRAINING = (
    *("augment", "classification", "class_weights", "epochs", "batch", *OPTIMISATION),
    *("frozen", "views", "freeze_statistics", "start", "upweight"),
)
REGIONS = ("annotated", "dilate", "regions")
COMPOSITES = ("composites", "replaced", "filler", "composites_weight")
GUIDANCE = (
    *REGIONS,
    "annotations",
    "annotated_images",
    "annotated_batch",
    "guided_part",
    "reduction",
    "target_epg",
    "allowed_loss",
    *COMPOSITES,
    "weighting",
)
MINOR = ("annotated_batch", "guided_part", *COMPOSITES)  # told only where nothing else tells runs apart
PANEL = ("backbone", "explainer")
WORDS = {"target_epg": "target EPG", "allowed_loss": "allowed loss", "start": "from"}
WORDS |= {"composites": "share", "composites_weight": "weight", "freeze_statistics": "frozen statistics"}
WORDS |= {"annotated_images": "images of", "annotated_batch": "beside a batch", "guided_part": "guided part"}
WORDS |= {"annotations": "regions of", "class_weights": "class weights"}


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a column `configuration`, equal for runs that differ in seeds and lambda only.

    The attribution and the backbone, and what follows from them, are no part of the name: tables and figures
    keep them apart. Of `MINOR` settings a name has only those without which two would be alike.
    """
    parts = {role: _parts(table, role) for role in table["role"].unique()}
    names = [_name(row, parts[row["role"]]) for _, row in table.iterrows()]
    return table.assign(configuration=names)


def unsaid(table: pd.DataFrame) -> str | None:
    """Return one sentence that names the settings which differ and are in no name; None if there are none."""
    guided = table[table["role"].isin(GUIDED)]
    told = _parts(table, "guided") if len(guided) else []
    values = {name: {_part(row, name) for _, row in guided.iterrows()} for name in MINOR if name in guided}
    left = [name for name, found in values.items() if name not in told and len(found - {""}) > 1]
    return f"Names leave out {', '.join(left)}: that follows from what they say." if left else None


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
    fields = [name for name in TRAINING + (GUIDANCE if role in GUIDED else ()) if name in table]
    told = _told(same, fields)
    rest = [name for name in fields if name not in MINOR and _differs(told, name)]
    for name in (name for name in reversed(MINOR) if name in told):
        if len(told.drop(columns=name).drop_duplicates()) == len(told.drop_duplicates()):
            told = told.drop(columns=name)
    return [name for name in fields if name in rest or (name in MINOR and name in told)]


def _told(rows: pd.DataFrame, fields: Sequence[str]) -> pd.DataFrame:
    """Return settings as a name would tell them, "" where they have no effect, beside what is always told."""
    always = {"means": rows.apply(means, axis=1), **{name: rows[name] for name in PANEL if name in rows}}
    told = {name: [_part(row, name) for _, row in rows.iterrows()] for name in fields}
    return pd.DataFrame({**always, **told}, index=rows.index)


def _differs(told: pd.DataFrame, name: str) -> bool:
    panels = told.groupby([each for each in PANEL if each in told])[name]
    if name == "regions":  # those of random runs are like any
        return any(len(set(values) - {""}) > 1 for _, values in panels)
    return bool(panels.nunique().gt(1).any())


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
    if isinstance(value, list):  # several files
        value = " and ".join(value)
    if pd.isna(value) or (name in COMPOSITES and not row["composites"]):
        return ""
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    if name == "epochs":
        return f"{shown} epochs"
    return f"{WORDS.get(name, name)} {shown}"
