"""Contact sheets for a person to look at: what was understood of a data set, and its composites."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.dataset import Item
from model_guidance.data.source import Annotation, Sample, Source
from model_guidance.errors import UserError

COLUMNS = 4
WIDTH, TITLE = 3.2, 0.5  # of a panel and of the two lines above it, in inches
HATCH = "xx"  # on what must not be used
TALLEST = 1.5  # height of a panel, in widths
PALETTE = colormaps["tab20"].colors[::2] + colormaps["tab20"].colors[1::2]  # type: ignore[attr-defined]


def data_sheet(source: Source, annotated: Sequence[int] = (), count: int = 16) -> Figure:
    """Return a drawing of `count` images with their annotations.

    They are evenly spaced among those that are `annotated` (by their number in `source`), then, if these
    are too few, among the others. Each class has its colour, and its name beside its largest object; what
    must not be used is hatched; defective images are left out.
    """
    samples = list(_readable(source, spread(len(source.names), annotated, count)))
    figure, panels = _panels([_aspect(sample) for _, sample in samples])
    for panel, (name, sample) in zip(panels, samples, strict=False):
        _draw(panel, name, sample, source)
    return figure


def composite_sheet(items: Sequence[Item], classes: Sequence[str]) -> Figure:
    """Return a drawing of composites, the outlines of their regions, and the labels with which they train."""
    figure, panels = _panels([min(item.size[0] / item.size[1], TALLEST) for item in items])
    for panel, item in zip(panels, items, strict=False):
        panel.imshow(item.image.permute(1, 2, 0).numpy())
        for region in item.regions:
            panel.contour(region.mask, levels=[0.5], colors=[_colour(region.label)], linewidths=1.0)
        labels = {classes[place]: value for place, value in enumerate(item.labels.tolist()) if value}
        shown = ", ".join(name if value == 1 else f"{name} {value:.2g}" for name, value in labels.items())
        side = "outside" if item.regions else "inside"
        panel.set_title(f"{side} replaced\n{_shortened(shown or 'no class')}", fontsize=8)
    return figure


def _panels(aspects: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel, without axes, for each picture of these heights in widths."""
    rows = [aspects[first : first + COLUMNS] for first in range(0, len(aspects), COLUMNS)] or [[]]
    heights = [WIDTH * max(row, default=1.0) + TITLE for row in rows]
    columns = min(COLUMNS, max(1, len(aspects)))
    figure = Figure(figsize=(WIDTH * columns, sum(heights)), layout="constrained", dpi=110)
    panels = figure.subplots(len(rows), columns, squeeze=False, gridspec_kw={"height_ratios": heights})
    for panel in panels.ravel():
        panel.set_axis_off()
    return figure, list(panels.ravel())


def spread(total: int, annotated: Sequence[int], count: int) -> list[int]:
    """Return `count` numbers below `total`, evenly spaced among the annotated, then among the others."""
    first = _spaced(list(annotated), count)
    known = set(annotated)
    others = [index for index in range(total) if index not in known]
    return sorted(first + _spaced(others, count - len(first)))


def _spaced(values: Sequence[int], count: int) -> list[int]:
    places = np.linspace(0, len(values) - 1, min(count, len(values))).round().astype(int)
    return [values[place] for place in places.tolist()]


def _readable(source: Source, places: list[int]) -> Iterator[tuple[str, Sample]]:
    for place in places:
        try:
            yield source.names[place], source.read(place)
        except UserError:
            continue


def _aspect(sample: Sample) -> float:
    width, height = sample.image.size
    return min(height / width, TALLEST)


def _draw(panel: Axes, name: str, sample: Sample, source: Source) -> None:
    panel.imshow(np.asarray(sample.image))
    for each in sample.annotations:
        colour, hatch = _colour(each.label), HATCH if KINDS[each.kind].excludes else None
        if each.shape.dtype == bool:
            _draw_mask(panel, each.shape, colour, hatch)
        else:
            x1, y1, x2, y2 = _frame(each)
            corner, extent = (x1 - 0.5, y1 - 0.5), (x2 - x1, y2 - y1)
            panel.add_patch(Rectangle(corner, *extent, fill=False, color=colour, lw=1.5, hatch=hatch))
    for label, (x1, y1, _, _) in _largest(sample).items():
        plate = {"facecolor": _colour(label), "edgecolor": "none", "pad": 1.0, "alpha": 0.85}
        panel.text(x1, y1, source.classes[label], fontsize=6, va="top", bbox=plate, clip_on=True)
    panel.set_title(_title(name, sample, source), fontsize=8)


def _draw_mask(
    panel: Axes,
    mask: Bool[np.ndarray, "height width"],
    colour: tuple[float, float, float],
    hatch: str | None,
) -> None:
    if hatch is None:
        panel.contourf(mask, levels=[0.5, 1.5], colors=[colour], alpha=0.4)
        return
    hatched = panel.contourf(mask, levels=[0.5, 1.5], colors="none", hatches=[hatch])
    hatched.set_edgecolor(colour)


def _frame(annotation: Annotation) -> Float[np.ndarray, "4"]:
    return KINDS[annotation.kind].frames(annotation.shape[None])[0]


def _largest(sample: Sample) -> dict[int, Float[np.ndarray, "4"]]:
    def area(owned: tuple[int, Float[np.ndarray, "4"]]) -> float:
        x1, y1, x2, y2 = owned[1]
        return (x2 - x1) * (y2 - y1)

    return dict(sorted(((each.label, _frame(each)) for each in sample.annotations), key=area))


def _title(name: str, sample: Sample, source: Source) -> str:
    classes = ", ".join(source.classes[label] for label in sorted(sample.labels)) or "no class"
    content = source.groups[sample.group] if sample.group >= 0 else classes
    return "\n".join(_shortened(text) for text in (Path(name).stem, content))


def _shortened(text: str) -> str:
    return textwrap.shorten(text, 48, placeholder=" ...") if len(text) > 48 and " " in text else _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= 48 else f"{text[:30]} ... {text[-12:]}"


def _colour(label: int) -> tuple[float, float, float]:
    return PALETTE[label % len(PALETTE)]
