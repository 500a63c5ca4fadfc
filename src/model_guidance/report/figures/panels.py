"""All figures of a section: fronts and curves for each panel, bars over groups and settings."""

import re
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from model_guidance.metrics.catalogue import FRONT
from model_guidance.report.figures.bars import SETTINGS, group_bars, setting_bars
from model_guidance.report.figures.curves import curve_drawing
from model_guidance.report.figures.drawing import Drawing, Styles, styles
from model_guidance.report.figures.fronts import front_drawing
from model_guidance.report.read.reported import in_order, panels
from model_guidance.report.read.roles import GUIDED
from model_guidance.report.read.score import main_score

Drawings = Mapping[str, Sequence[Drawing]]  # by the caption of their panel


def panel_name(backbone: str, look: str) -> str:
    """Return a name for files of one panel, such as "resnet50-ixg-final"."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", f"{backbone}-{look}")


def section_drawings(tested: pd.DataFrame, epochs: pd.DataFrame, models: pd.DataFrame) -> Drawings:
    """Return the drawings of each panel (backbone, attribution) under the panel's name."""
    looks = styles(tested.loc[tested["role"].isin(GUIDED), "configuration"])
    found = {}
    for backbone, look in panels(tested):
        here = [_of_panel(table, backbone, look) for table in (tested, epochs, models)]
        found[f"{backbone}, {look}"] = list(
            _panel(panel_name(backbone, look), here[0], here[1], here[2], looks)
        )
    return found


def _of_panel(table: pd.DataFrame, backbone: str, look: str) -> pd.DataFrame:
    return table[(table["backbone"] == backbone) & (table["look"] == look)]


def _panel(
    name: str, tested: pd.DataFrame, epochs: pd.DataFrame, models: pd.DataFrame, looks: Styles
) -> Iterator[Drawing]:
    within = models[models["representative"]]
    for x, y in _pairs(tested):
        yield front_drawing(f"front-{y}-{x}-{name}", tested, within, (x, y), looks)
    shown = epochs[epochs["run"].isin(models["run"])]
    if not shown.empty:
        yield curve_drawing(f"epochs-{name}", shown, looks)
    if "worst_group" in tested:
        yield group_bars(f"groups-{name}", in_order(tested[tested["run"].isin(models["run"])]), "last")
    for setting, title in SETTINGS.items():
        drawing = setting_bars(f"{setting}-{name}", within, setting, title)
        if drawing is not None:
            yield drawing


def _pairs(tested: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield the pairs of scores that are drawn against each other; those that no guided run has left out."""
    guided = tested[tested["own"] & tested["role"].isin(GUIDED)]
    other = "worst_group" if "worst_group" in tested else "map"
    for pair in [*((main_score(tested), score) for score in FRONT), (other, "epg")]:
        if set(pair) <= set(tested) and len(guided.dropna(subset=list(pair))):
            yield pair
