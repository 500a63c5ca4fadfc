"""Fronts: what a configuration can reach in two scores at once, seed by seed and lambda by lambda."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from matplotlib.axes import Axes

from model_guidance.report.figures.drawing import Drawing
from model_guidance.report.figures.front_markers import Pair, draw_crosshairs, draw_models, draw_published
from model_guidance.report.figures.style import Styles, canvas, legend, spread_out
from model_guidance.report.read.roles import GUIDED
from model_guidance.report.read.score import NAMES
from model_guidance.selection import pareto_front


@dataclass(frozen=True)
class Front:
    """What is drawn on one pair of axes: the `tested` checkpoints of a panel, the `models` of them."""

    tested: pd.DataFrame
    models: pd.DataFrame


def front_drawing(name: str, front: Front, pair: Pair, styles: Styles) -> Drawing:
    """Draw two test scores of one panel.

    Pale: every tested checkpoint; line: the front of a configuration; ringed: its representative model, mean
    and standard deviation over seeds; star and cross hairs: the baseline; hollow: published.
    """
    figure, [[axes]] = canvas()
    tips = dict(_draw(axes, front, pair, styles, ""))
    axes.set(xlabel=_axis(pair[0]), ylabel=_axis(pair[1]))
    spread_out(axes)
    legend(figure)
    return Drawing(name, _title(pair), figure, tips)


def front_grid(
    name: str, fronts: Mapping[tuple[str, str], Front], pair: Pair, styles: Styles
) -> Drawing | None:
    """Draw the fronts by (row, column) in one figure, as papers do: shared axes, one legend.

    The columns' names stand above the first row, the rows' beside the first column. Returns None if there is
    only one.
    """
    rows, columns = (list(dict.fromkeys(key[place] for key in fronts)) for place in (0, 1))
    if len(fronts) < 2:
        return None
    size = (0.8 + 2.3 * len(columns), 0.6 + 1.9 * len(rows))
    figure, grid = canvas(len(rows), size, len(columns))
    tips: dict[str, Sequence[str]] = {}
    for row, line in zip(rows, grid, strict=True):
        for column, axes in zip(columns, line, strict=True):
            if (row, column) not in fronts:
                axes.set_visible(False)
                continue
            gid = f"{rows.index(row)}-{columns.index(column)}-"
            tips |= _draw(axes, fronts[row, column], pair, styles, gid)
    for axes in (each for line in grid for each in line if each.get_visible()):
        spread_out(axes)  # when all are drawn: it fixes the range, also of those that share it
    _name(grid, rows, columns, pair)
    legend(figure)
    return Drawing(name, _title(pair), figure, tips)


def _name(grid: list[list[Axes]], rows: Sequence[str], columns: Sequence[str], pair: Pair) -> None:
    """Write what each row, column and axis of a grid is, once each, beside the outermost axes seen."""
    for column, below in zip(columns, zip(*grid, strict=True), strict=True):
        seen = [axes for axes in below if axes.get_visible()]
        seen[0].set_title(column, fontsize=9, fontweight="bold")
        seen[-1].set_xlabel(_axis(pair[0]))
        seen[-1].tick_params(labelbottom=True)
    for row, line in zip(rows, grid, strict=True):
        first = next(axes for axes in line if axes.get_visible())
        first.set_ylabel(_axis(pair[1]))
        first.tick_params(labelleft=True)
        place: Any = {"xytext": (-44, 0), "textcoords": "offset points", "rotation": 90, "ha": "right"}
        style: Any = {"fontsize": 9, "fontweight": "bold", "va": "center", "annotation_clip": False}
        first.annotate(row, (0, 0.5), xycoords="axes fraction", **place, **style)


def _draw(
    axes: Axes, front: Front, pair: Pair, styles: Styles, gid: str
) -> Iterator[tuple[str, Sequence[str]]]:
    """Draw all marks of a front; yield the gid of each group of points and what hovering over them says."""
    tested, models = front.tested, front.models
    guided = tested[tested["own"] & tested["role"].isin(GUIDED)].dropna(subset=list(pair))
    guided = guided.drop_duplicates(["run", "epoch"])
    for place, label in enumerate(guided["configuration"].unique()):
        rows = guided[guided["configuration"] == label]
        yield f"points{gid}{place}", [point_text(row) for _, row in rows.iterrows()]
        _draw_points(axes, f"points{gid}{place}", 100 * rows[list(pair)].to_numpy(float), styles[label])
        if label not in set(models["configuration"]):
            style = {**styles[label], "ls": "none", "ms": 8}
            axes.plot([], [], label=f"{label} (all cost too much)", **style)
    for model, text in draw_models(axes, models, pair, styles, f"model{gid}"):
        yield model, [text]
    draw_crosshairs(axes, models, pair)
    draw_published(axes, models, pair, styles)


def _axis(score: str) -> str:
    return f"{NAMES[score]} on test, %"


def _title(pair: Pair) -> str:
    return f"{NAMES[pair[1]]} and {NAMES[pair[0]]}"


def point_text(row: pd.Series) -> str:
    """Return what hovering over a checkpoint says."""
    scores = (f"{NAMES[name]} {100 * row[name]:.1f}" for name in NAMES if name in row and pd.notna(row[name]))
    in_force = row.get("val lambda")
    weight = row["lambda"] if pd.isna(in_force) else in_force
    where = f"{row['configuration']}, λ {weight:g}, seed {row['replicate']}, epoch {row['epoch']:g}"
    return f"{where}: {', '.join(scores)}"


def _draw_points(axes: Axes, gid: str, points: Any, style: Mapping[str, Any]) -> None:
    mark: Any = {"color": style["color"], "marker": style["marker"]}
    axes.scatter(points[:, 0], points[:, 1], s=18, alpha=0.4, lw=0, gid=gid, **mark)
    front = points[pareto_front(torch.from_numpy(points)).numpy()]
    front = front[front[:, 0].argsort()]
    line: Any = {"drawstyle": "steps-pre", "color": style["color"], "ls": style["ls"], "lw": 1.3}
    axes.plot(front[:, 0], front[:, 1], alpha=0.8, **line)
