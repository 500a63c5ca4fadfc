"""One style for all figures: colours, marks, axes, and the legend."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

# Okabe and Ito's colours, which people with any colour vision tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))
SHADE = 0.14  # how much lighter each variant of a loss is than the one before
MARGIN, NARROWEST = 0.08, 4.0  # room around the marks, as a fraction; of axes in percent, points at least
LINE = 0.18  # height of a line of the legend, in inches
LONG = 30  # characters of a label that still leave room for another one beside it
INK, PALE = "#1d2433", "#8a90a0"
SPARSE: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 9.0, "axes.edgecolor": PALE}
Styles = Mapping[str, Mapping[str, Any]]


def canvas(
    rows: int = 1, size: tuple[float, float] = (4.6, 3.0), columns: int = 1
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure of rows of axes, which share the horizontal axis by column, the vertical one by row."""
    with mpl.rc_context(SPARSE):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(rows, columns, sharex="col", sharey="row", squeeze=False)
    for each in axes.flat:
        each.grid(color="#e6e6e1", linewidth=0.6)
        each.set_axisbelow(True)
        each.margins(MARGIN)
        each.locator_params(nbins=6)
    return figure, axes.tolist()


def spread_out(axes: Axes) -> None:
    """Give axes in percent that show almost one value a range of at least `NARROWEST` points around it."""
    for low, high, set_limits in ((*axes.get_xlim(), axes.set_xlim), (*axes.get_ylim(), axes.set_ylim)):
        if high - low < NARROWEST:
            middle = (low + high) / 2
            set_limits(middle - NARROWEST / 2, middle + NARROWEST / 2)


def legend(figure: Figure) -> None:
    """Put one legend below the figure, which grows by it; each label once, long ones in one column."""
    named = [axes.get_legend_handles_labels() for axes in figure.axes]
    handles = {label: handle for found in named for handle, label in zip(*found, strict=True)}
    room = max(1, round(figure.get_figwidth() / 2.3))
    columns = max(1, min(room, math.floor(room * LONG / max(map(len, handles), default=LONG))))
    figure.set_figheight(figure.get_figheight() + LINE * math.ceil(len(handles) / columns))
    where: Any = {"loc": "outside lower center", "ncols": columns, "frameon": False, "fontsize": 8}
    figure.legend(handles.values(), handles.keys(), **where)


def styles(configurations: Iterable[str]) -> Styles:
    """Return how each configuration is drawn: its loss has a colour, its variant a mark, a shade and a line.

    Where there is one loss only, its variants have colours. No two configurations look the same.
    """
    names = sorted(set(configurations))  # the same on all pages, exact boxes before coarser ones
    losses = list(dict.fromkeys(name.split(", ")[0] for name in names))
    variants: dict[str, int] = dict.fromkeys(losses, 0)
    found = {}
    for place, name in enumerate(names):
        loss = name.split(", ")[0]
        variant, variants[loss] = variants[loss], variants[loss] + 1
        colour = COLOURS[(losses.index(loss) if len(losses) > 1 else place) % len(COLOURS)]
        shade = min(variant, 4) * SHADE if len(losses) > 1 else 0.0
        found[name] = {
            "color": _lightened(colour, shade),
            "marker": MARKERS[variant % len(MARKERS)],
            "ls": LINES[variant % len(LINES)],
        }
    return found


def _lightened(colour: str, share: float) -> str:
    red, green, blue = ((1 - share) * part + share for part in to_rgb(colour))
    return to_hex((red, green, blue))
