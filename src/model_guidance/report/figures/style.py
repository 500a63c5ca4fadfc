"""One style for all figures: colours, marks, axes, and the legend."""

from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from model_guidance.report.escape import drawable
from model_guidance.report.figures.lettering import width, wrapped

# Okabe and Ito's colours, which people with any colour vision tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "8", "d", "H", "h")
LINES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))
SHADE = 0.14  # how much lighter each variant of a loss is than the one before
MARGIN, NARROWEST = 0.08, 4.0  # room around the marks, as a fraction; of axes in percent, points at least
LEGEND = 8.0  # points of the legend's text
HANDLE, EDGE = 0.5, 0.1  # inches: a mark of the legend with the gaps around it, the edge of the figure
INK, PALE = "#1d2433", "#8a90a0"
SPARSE: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 9.0, "axes.edgecolor": PALE}
Styles = Mapping[str, Mapping[str, Any]]


def canvas(
    rows: int = 1, size: tuple[float, float] = (4.6, 3.0), columns: int = 1, *, alike: bool = True
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure of rows of axes: rows share the vertical axis; if `alike`, columns the other one."""
    with mpl.rc_context(SPARSE):
        figure = Figure(figsize=size, layout="constrained")
        sharex: Any = "col" if alike else False
        axes = figure.subplots(rows, columns, sharex=sharex, sharey="row", squeeze=False)
    for each in axes.flat:
        each.grid(color="#e6e6e1", linewidth=0.6)
        each.set_axisbelow(True)
        each.margins(MARGIN)
        each.locator_params(nbins=6)
    return figure, axes.tolist()


def spread_out(axes: Axes, *, down: bool = True) -> None:
    """Give axes in percent that show almost one value a range of at least `NARROWEST` points around it.

    `down`: the vertical axis too.
    """
    across, vertical = (*axes.get_xlim(), axes.set_xlim), (*axes.get_ylim(), axes.set_ylim)
    for low, high, set_limits in (across, vertical)[: 1 + down]:
        if high - low < NARROWEST:
            middle = (low + high) / 2
            set_limits(middle - NARROWEST / 2, middle + NARROWEST / 2)


def legend(figure: Figure) -> None:
    """Put one legend below the figure, which grows by it; each label once, in as many columns as fit.

    Labels that are wider than the figure are broken into lines.
    """
    named = [axes.get_legend_handles_labels() for axes in figure.axes]
    handles = {drawable(label): handle for found in named for handle, label in zip(*found, strict=True)}
    if not handles:
        return
    room = figure.get_figwidth() - 2 * EDGE
    widest = HANDLE + max(width(label, LEGEND) for label in handles)
    columns = max(1, min(len(handles), int(room / widest)))
    labels = [wrapped(label, room / columns - HANDLE, LEGEND) for label in handles]
    where: Any = {"loc": "outside lower center", "ncols": columns, "frameon": False, "fontsize": LEGEND}
    drawn = figure.legend(handles.values(), labels, handlelength=2, columnspacing=1, **where)
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    taken = drawn.get_window_extent(renderer)
    figure.set_figheight(figure.get_figheight() + taken.height / figure.dpi)


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
        again, colour = divmod(losses.index(loss) if len(losses) > 1 else place, len(COLOURS))
        shade = min(variant, 4) * SHADE if len(losses) > 1 else 0.0
        found[name] = {
            "color": lightened(COLOURS[colour], shade),
            "marker": MARKERS[(variant + again) % len(MARKERS)],
            "ls": LINES[variant % len(LINES)],
        }
    return found


def lightened(colour: str, share: float) -> str:
    """Return a colour mixed with a share of white."""
    red, green, blue = ((1 - share) * part + share for part in to_rgb(colour))
    return to_hex((red, green, blue))
