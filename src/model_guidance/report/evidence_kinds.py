"""Kinds of evidence as a page, a sheet and a table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from model_guidance.files import check_output_folder, write
from model_guidance.finding.inspection import Inspection, Kind, inspect_run
from model_guidance.report.figures.drawing import encoded
from model_guidance.report.figures.heatmaps import Image, Panel, Row
from model_guidance.report.figures.overlay import picture, scale
from model_guidance.report.rendering import render
from model_guidance.report.tables.rows import as_csv
from model_guidance.report.tables.table import WrittenTable
from model_guidance.runs.folder import Run
from model_guidance.runs.setup import source_of

TYPICAL = 5  # images shown of each kind
GREY = np.full((96, 96, 3), 128, np.uint8)


@dataclass(frozen=True)
class ShownKind:
    """A kind, its mean map, red where it is above the average, and its most typical images with theirs."""

    kind: Kind
    mean: Image
    rows: Sequence[Row]
    cells: dict[str, str]


@dataclass(frozen=True)
class EvidenceKinds:
    """What one model of a report looks at in a split: its kinds of evidence in pictures and as a table."""

    split: str
    shown: Sequence[ShownKind]
    table: WrittenTable

    def write(self, out: Path) -> None:
        """Write the table and the sheet below `out`; raises `UserError` if that is impossible."""
        self.table.write(out / "tables")
        write(out / "figures" / f"{self.table.name}.png", encoded(_sheet(self.shown), "png"))


def evidence_kinds(run: Run, split: str, name: str, title: str) -> EvidenceKinds:
    """Return what a run looks at in its last epoch; `name` is that of the files.

    Raises `UserError` for images that are not at hand, and without scikit-learn.
    """
    found = inspect_run(run, split, "last")
    shown = [_shown(found, kind) for kind in found.kinds]
    caption = (
        f"{run.folder.name}, {len(found.seen):,} images: answers that rest on the same at similar places."
    )
    cells = pd.DataFrame([each.cells for each in shown])
    return EvidenceKinds(split, shown, WrittenTable(name, title, caption, cells))


def write_inspection(found: Inspection, out: Path) -> list[Path]:
    """Write `index.html`, `kinds.png` and `kinds.csv`; return the files, the page first."""
    check_output_folder(out)
    run = found.observer.run
    shown = [_shown(found, kind) for kind in found.kinds]
    config = run.config.explainer
    page = render("evidence_kinds.html", shown=shown, found=found, run=run.folder.name, explainer=config)
    files = {
        "index.html": page.encode(),
        "kinds.png": encoded(_sheet(shown), "png"),
        "kinds.csv": as_csv([each.cells for each in shown]),
    }
    for name, content in files.items():
        write(out / name, content)
    return [out / name for name in files]


def _shown(found: Inspection, kind: Kind) -> ShownKind:
    observer, typical = found.observer, kind.cluster.members[:TYPICAL]
    source = source_of(observer.run.config, observer.name)
    index = found.seen.index[typical]
    maps = observer.maps(index, found.seen.classes[typical])
    rows = []
    for place, raw, right in zip(index.tolist(), maps, found.right[typical].tolist(), strict=True):
        has = [observer.run.classes[each] for each in np.flatnonzero(observer.split.labels[place])]
        image = np.asarray(source.read(place).image.convert("RGB"))
        text = f"{'✓' if right else '✗'} {', '.join(has) or 'no class'}"
        over = observer.run.config.resizing.placement(image.shape[:2]).back(raw)
        rows.append(Row(image, observer.split.names[place], None, [Panel(over, text, right)]))
    mean = found.seen.energy[kind.cluster.members].mean(axis=0)
    beyond = mean - mean.mean()  # an even map is grey: otherwise all would be red
    return ShownKind(kind, picture(GREY, beyond, strongest=scale([beyond])), rows, _cells(found, kind))


def _cells(found: Inspection, kind: Kind) -> dict[str, str]:
    cells = {
        "kind": kind.name,
        "answer": found.observer.run.classes[kind.cluster.label],
        "images": str(len(kind.cluster.members)),
        "share of the answer": _percent(kind.share),
        "right": _percent(kind.accuracy),
        "at the border": _percent(kind.border),
    }
    if not np.isnan(found.inside).all():
        cells["in the regions"] = _percent(kind.inside)
    if found.observer.split.groups:
        cells["groups"] = ", ".join(f"{name} {_percent(share)}" for name, share in kind.groups.items())
    return cells | {
        "silhouette": "–" if math.isnan(kind.cluster.silhouette) else f"{kind.cluster.silhouette:.2f}"
    }


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.0f} %"


def _sheet(shown: Sequence[ShownKind]) -> Figure:
    """Return a drawing with a line for each kind: its mean map, and its typical images with their maps."""
    across = 1 + TYPICAL
    figure = Figure(figsize=(1.9 * across, 2.35 * len(shown)), layout="constrained", dpi=110)
    panels = figure.subplots(len(shown), across, squeeze=False)
    for axes in panels.ravel():
        axes.set_axis_off()
    for line, each in zip(panels, shown, strict=True):
        said = f"{each.kind.name}: {each.cells['images']} images\n{each.cells['right']} right"
        line[0].imshow(each.mean)
        line[0].set_title(said, fontsize=8, loc="left", fontweight="bold")
        for axes, row in zip(line[1:], each.rows, strict=False):
            axes.imshow(row.pictures[1])
            axes.set_title(row.panels[0].caption, fontsize=8, color=row.colours()[1])
    return figure
