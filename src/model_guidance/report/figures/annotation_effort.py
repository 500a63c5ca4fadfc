"""What fewer and coarser annotations cost: scores against the settings of the annotation."""

import pandas as pd

from model_guidance.report.figures.bars import bar_drawing
from model_guidance.report.figures.drawing import Drawing
from model_guidance.report.read.labels import means
from model_guidance.report.read.score import NAMES, main_score, spread_of

SETTINGS = {"annotated": "Fraction of the images with regions", "dilate": "Regions enlarged on each side by"}


def setting_bars(name: str, models: pd.DataFrame, setting: str, title: str) -> Drawing | None:
    """Draw EPG and the main score of guided `models` against a setting; None if it never varies.

    Each localization loss, and composites, have their own bars. The other settings of the annotation are
    held at the value for which this one varies most.
    """
    guided = models[models["role"] == "guided"]
    for other in sorted(set(SETTINGS) - {setting}):
        guided = guided[guided[other] == _most_varied(guided, other, setting)]
    values = sorted(guided[setting].unique())
    if len(values) < 2:
        return None
    panels = {
        NAMES[score]: {
            str(name): [spread_of(rows[rows[setting] == value], score) for value in values]
            for name, rows in guided.groupby(guided.apply(means, axis=1), sort=False)
        }
        for score in ("epg", main_score(models))
        if score in models
    }
    return bar_drawing(name, title, [f"{100 * value:g} %" for value in values], panels)


def _most_varied(rows: pd.DataFrame, other: str, setting: str) -> object:
    return rows.groupby(other)[setting].nunique().idxmax() if len(rows) else None
