"""Fronts: what a configuration can reach in two scores at once, seed by seed and lambda by lambda."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from matplotlib.axes import Axes

from model_guidance.report.figures.drawing import Drawing, Styles, canvas, legend
from model_guidance.report.figures.front_markers import Pair, draw_crosshairs, draw_models, draw_published
from model_guidance.report.read.roles import GUIDED
from model_guidance.report.read.score import NAMES
from model_guidance.selection import pareto_front


def front_drawing(
    name: str, tested: pd.DataFrame, models: pd.DataFrame, pair: Pair, looks: Styles
) -> Drawing:
    """Draw two test scores of one panel: `tested` checkpoints, and the `models` reported of them.

    Pale: every tested checkpoint; line: the front of a configuration; ringed: its representative model, mean
    and standard deviation over seeds; star and cross hairs: the baseline; hollow: published.
    """
    x, y = pair
    figure, (axes,) = canvas()
    guided = tested[tested["own"] & tested["role"].isin(GUIDED)].dropna(subset=[x, y])
    guided = guided.drop_duplicates(["run", "epoch"])
    tips: dict[str, Sequence[str]] = {}
    for place, label in enumerate(guided["configuration"].unique()):
        rows = guided[guided["configuration"] == label]
        tips[f"points{place}"] = [point_text(row) for _, row in rows.iterrows()]
        _draw_points(axes, f"points{place}", 100 * rows[[x, y]].to_numpy(float), looks[label])
        if label not in set(models["configuration"]):
            axes.plot([], [], ls="none", ms=8, label=f"{label} (all cost too much)", **looks[label])
    tips |= {gid: [text] for gid, text in draw_models(axes, models, pair, looks)}
    draw_crosshairs(axes, models, pair)
    draw_published(axes, models, pair, looks)
    axes.set(xlabel=f"{NAMES[x]} on test, %", ylabel=f"{NAMES[y]} on test, %")
    legend(figure)
    return Drawing(name, f"{NAMES[y]} and {NAMES[x]}", figure, tips)


def point_text(row: pd.Series) -> str:
    """Return what hovering over a checkpoint says."""
    scores = (f"{NAMES[name]} {100 * row[name]:.1f}" for name in NAMES if name in row and pd.notna(row[name]))
    in_force = row.get("val lambda")
    weight = row["lambda"] if pd.isna(in_force) else in_force
    where = f"{row['configuration']}, λ {weight:g}, seed {row['replicate']}, epoch {row['epoch']:g}"
    return f"{where}: {', '.join(scores)}"


def _draw_points(axes: Axes, gid: str, points: Any, style: Mapping[str, Any]) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=18, alpha=0.4, lw=0, gid=gid, **style)
    front = points[pareto_front(torch.from_numpy(points)).numpy()]
    front = front[front[:, 0].argsort()]
    axes.plot(front[:, 0], front[:, 1], drawstyle="steps-pre", color=style["color"], lw=1.3, alpha=0.8)
