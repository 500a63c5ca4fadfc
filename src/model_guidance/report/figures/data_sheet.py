"""A contact sheet: what the reader understood of a data set, for a person to look at."""

import math
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from model_guidance.data.source import Sample, Source
from model_guidance.errors import UserError

COLUMNS = 4
PALETTE = colormaps["tab20"].colors[::2] + colormaps["tab20"].colors[1::2]  # type: ignore[attr-defined]


def data_sheet(source: Source, path: Path, count: int = 16) -> None:
    """Draw `count` images, evenly spaced in `source`, with boxes and masks, to the PNG `path`.

    Each class has its colour, and its name beside its largest box; defective images are left out.
    """
    places = np.linspace(0, len(source.names) - 1, min(count, len(source.names))).round().astype(int)
    samples = list(_readable(source, places.tolist()))
    rows = max(1, math.ceil(len(samples) / COLUMNS))
    figure = Figure(figsize=(3.2 * COLUMNS, 3.2 * rows), layout="constrained", dpi=110)
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for panel in axes:
        panel.set_axis_off()
    for panel, (name, sample) in zip(axes, samples, strict=False):
        _draw(panel, name, sample, source)
    figure.savefig(path)


def _readable(source: Source, places: list[int]) -> Iterator[tuple[str, Sample]]:
    for place in places:
        try:
            yield source.names[place], source.read(place)
        except UserError:
            continue


def _draw(panel: Axes, name: str, sample: Sample, source: Source) -> None:
    panel.imshow(np.asarray(sample.image))
    for label, mask in sample.of("masks"):
        panel.contourf(mask, levels=[0.5, 1.5], colors=[_colour(label)], alpha=0.4)
    for label, (x1, y1, x2, y2) in sample.of("boxes"):
        frame = Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, color=_colour(label), lw=1.5)
        panel.add_patch(frame)
    for label, box in _largest(sample).items():
        plate = {"facecolor": _colour(label), "edgecolor": "none", "pad": 1.0, "alpha": 0.85}
        panel.text(box[0], box[1], source.classes[label], fontsize=6, va="top", bbox=plate, clip_on=True)
    panel.set_title(_title(name, sample, source), fontsize=8)


def _largest(sample: Sample) -> dict[int, Float[np.ndarray, "4"]]:
    def area(owned: tuple[int, Float[np.ndarray, "4"]]) -> float:
        x1, y1, x2, y2 = owned[1]
        return (x2 - x1) * (y2 - y1)

    return dict(sorted(sample.of("boxes"), key=area))


def _title(name: str, sample: Sample, source: Source) -> str:
    classes = ", ".join(source.classes[label] for label in sorted(sample.labels)) or "no class"
    content = source.groups[sample.group] if sample.group >= 0 else classes
    return f"{Path(name).stem}\n{textwrap.shorten(content, 48, placeholder=' ...')}"


def _colour(label: int) -> tuple[float, float, float]:
    return PALETTE[label % len(PALETTE)]
