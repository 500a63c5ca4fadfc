"""All figures of a section: fronts and curves for each panel, bars over groups and settings."""

import re
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from model_guidance.metrics.catalogue import FRONT
from model_guidance.report.figures.annotation_effort import SETTINGS, setting_bars
from model_guidance.report.figures.confusion import confusion_maps
from model_guidance.report.figures.drawing import Drawing
from model_guidance.report.figures.front_markers import Pair
from model_guidance.report.figures.group_accuracy import group_dots
from model_guidance.report.figures.learning_curves import curve_drawing
from model_guidance.report.figures.pareto_front import Front, front_drawing, front_grid
from model_guidance.report.figures.style import Styles, styles
from model_guidance.report.read.reported import baseline, panels
from model_guidance.report.read.roles import GUIDED
from model_guidance.report.read.score import main_score

METHODS = {"ixg": "IxG", "intgrad": "IntGrad", "gradcam": "GradCAM", "bcos": "B-cos"}
Drawings = Mapping[str, Sequence[Drawing]]  # by the caption of their panel


def panel_name(backbone: str, explainer: str) -> str:
    """Return a name for files of one panel, such as "resnet50-ixg-final"."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", f"{backbone}-{explainer}")


def section_drawings(tested: pd.DataFrame, epochs: pd.DataFrame, models: pd.DataFrame) -> Drawings:
    """Return the drawings of each panel (backbone, attribution) under its name, of all panels under ""."""
    drawn = styles(tested.loc[tested["role"].isin(GUIDED), "configuration"])
    found: dict[str, list[Drawing]] = {"": list(_grids(tested, models, drawn))}
    for backbone, explainer in panels(tested):
        here = [_of_panel(table, backbone, explainer) for table in (tested, epochs, models)]
        name = panel_name(backbone, explainer)
        grouped = [_groups(name, tested, here[0], here[2], drawn)] if "worst_group" in here[0] else []
        last = here[0][(here[0]["kind"] == "last") & here[0]["run"].isin(models["run"])]
        confused = confusion_maps(f"confusion-{name}", last, backbone, explainer)
        panel = _panel(name, here[0], here[1], here[2], drawn)
        found[f"{backbone}, {explainer}"] = [*grouped, *panel, *([confused] if confused else [])]
    return {caption: each for caption, each in found.items() if each}


def _groups(
    name: str, tested: pd.DataFrame, here: pd.DataFrame, models: pd.DataFrame, drawn: Styles
) -> Drawing:
    """Draw the groups of a panel's reported runs, and where there is no baseline those of other panels."""
    rows = here[here["run"].isin(models["run"])]
    if baseline(rows[rows["own"]]).empty:
        others = tested[(tested["backbone"] == here["backbone"].iloc[0]) & ~tested["role"].isin(GUIDED)]
        rows = pd.concat([rows[rows["role"].isin(GUIDED)], others])
    return group_dots(f"groups-{name}", rows, "last", drawn)


def _of_panel(table: pd.DataFrame, backbone: str, explainer: str) -> pd.DataFrame:
    return table[(table["backbone"] == backbone) & (table["explainer"] == explainer)]


def _grids(tested: pd.DataFrame, models: pd.DataFrame, drawn: Styles) -> Iterator[Drawing]:
    """Yield a figure per pair of scores with all panels: networks below each other, layers side by side."""
    found: dict[Pair, dict[tuple[str, str], Front]] = {}
    for (backbone, explainer), column in _columns(panels(tested)).items():
        here = [_of_panel(table, backbone, explainer) for table in (tested, models)]
        front = Front(here[0], here[1][here[1]["representative"]])
        row = backbone if column == explainer else f"{backbone}, {_method(explainer)}"
        for pair in _pairs(here[0]):
            found.setdefault(pair, {})[row, column] = front
    for pair, fronts in found.items():
        grid = front_grid(f"fronts-{pair[1]}-{pair[0]}", fronts, pair, drawn)
        if grid is not None:
            yield grid


def _method(explainer: str) -> str:
    """Return a method as papers call it."""
    method = explainer.partition("@")[0]
    return METHODS.get(method, method)


def _columns(shown: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the column of each panel, the input first: its layer where that is enough."""
    columns = {(backbone, explainer): explainer.partition("@")[2] for backbone, explainer in shown}
    if len({(backbone, column) for (backbone, _), column in columns.items()}) < len(columns):
        columns = {(backbone, explainer): explainer for backbone, explainer in shown}
    depth = {"input": 0, "final": 2}
    return dict(sorted(columns.items(), key=lambda each: (depth.get(each[0][1].partition("@")[2], 1), each)))


def _panel(
    name: str, tested: pd.DataFrame, epochs: pd.DataFrame, models: pd.DataFrame, drawn: Styles
) -> Iterator[Drawing]:
    front = Front(tested, models[models["representative"]])
    for x, y in _pairs(tested):
        yield front_drawing(f"front-{y}-{x}-{name}", front, (x, y), drawn)
    shown = epochs[epochs["run"].isin(models["run"])]
    if not shown.empty:
        yield curve_drawing(f"epochs-{name}", shown, drawn)
    for setting, title in SETTINGS.items():
        drawing = setting_bars(f"{setting}-{name}", front.models, setting, title)
        if drawing is not None:
            yield drawing


def _pairs(tested: pd.DataFrame) -> Iterator[Pair]:
    """Yield the pairs of scores that are drawn against each other; those that no guided run has left out."""
    guided = tested[tested["own"] & tested["role"].isin(GUIDED)]
    other = "worst_group" if "worst_group" in tested else "map"
    for pair in [*((main_score(tested), score) for score in FRONT), (other, "epg")]:
        if set(pair) <= set(tested) and len(guided.dropna(subset=list(pair))):
            yield pair
