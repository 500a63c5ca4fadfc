"""The sheet of heat maps of one panel: the baseline and the representative guided runs side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from model_guidance.data.resizing import Resizing
from model_guidance.errors import UserError
from model_guidance.files import write
from model_guidance.report.figures.drawing import encoded
from model_guidance.report.figures.heatmaps import Image, Panel, Row, heatmap_sheets
from model_guidance.report.read.reported import by_configuration
from model_guidance.report.read.results import Results
from model_guidance.runs.examples import Examples, read_examples, telling
from model_guidance.runs.folder import Run
from model_guidance.runs.setup import source_of

COLUMNS = 5  # models beside the image; more would be too small to see


@dataclass(frozen=True)
class ExampleSheet:
    """Heat maps of one panel: rows of images, the models that are the columns, the name of its files."""

    name: str
    title: str
    rows: Sequence[Row]
    columns: Sequence[str]

    def write(self, folder: Path) -> None:
        """Write NAME.png and NAME.pdf; raises `UserError` if that is impossible."""
        for page in heatmap_sheets(self.rows, self.columns):
            for suffix in ("png", "pdf"):
                write(folder / f"{self.name}.{suffix}", encoded(page, suffix))


def example_sheet(results: Results, models: pd.DataFrame, name: str, title: str) -> ExampleSheet | None:
    """Show the best, the worst and random test images by the EPG of the best guided of one panel's `models`.

    Images are shown as they lie in the data set, or, where that is no longer at hand, at the size at which
    the network saw them. Returns None if no guided run kept examples.
    """
    shown = _examples(results, models)
    guided = [label for label in shown if label != "baseline"]
    if not guided:
        return None
    first = shown[guided[0]]
    same = {label: each for label, each in shown.items() if each.names == first.names}
    places = telling(first.epg)
    run = results.runs[models["run"].iloc[0]]
    photos = _photos(run, [first.names[place] for each in places.values() for place in each])
    shown_as = [(kind, place) for kind, each in places.items() for place in each]
    rows = [_row(kind, place, same, run, photos) for kind, place in shown_as]
    return ExampleSheet(name, title, rows, list(same))


def _examples(results: Results, models: pd.DataFrame) -> dict[str, Examples]:
    """Return the examples of the baseline and of one run per guided configuration, the highest EPG first."""
    found: dict[str, Examples] = {}
    for label, rows in by_configuration(models).items():
        for run, explainer in rows[["run", "explainer"]].itertuples(index=False):
            examples = read_examples(results.runs[run].folder, explainer)
            if examples is not None and label not in found and len(found) < COLUMNS:
                found[label] = examples
    return found


def _photos(run: Run, names: Sequence[str]) -> dict[str, Image]:
    """Return the test images of these names, in their own size and aspect, as far as they are at hand."""
    if run.config.root is None:  # drawn at the size of training
        return {}
    try:
        source = source_of(run.config, "test")
        places = {name: place for place, name in enumerate(source.names)}
        return {name: np.asarray(source.read(places[name]).image) for name in names if name in places}
    except UserError:
        return {}


def _row(kind: str, place: int, shown: dict[str, Examples], run: Run, photos: Mapping[str, Image]) -> Row:
    first = next(iter(shown.values()))
    photo, kept = photos.get(first.names[place]), first.images[place].transpose(1, 2, 0)
    image, mode = (kept, "stretch") if photo is None else (photo, run.config.resize)
    back = Resizing(kept.shape[:2], mode).placement(image.shape[:2]).back
    panels = [Panel(back(each.maps[place].astype(float)), _caption(each, place)) for each in shown.values()]
    title = f"{kind}: {first.names[place]}\n{run.classes[first.labels[place]]}"
    banned = bool(first.banned[place])
    region = ~first.masks[place] if banned else first.masks[place]
    return Row(image, title, back(region), panels, banned=banned)


def _caption(examples: Examples, place: int) -> str:
    probability, outside = examples.probability[place], examples.outside[place]
    return "\n".join(
        [
            f"EPG {_percent(examples.epg[place])}",
            f"probability {_percent(probability)}",
            f"outside replaced: {_percent(outside)}",
        ]
    )


def _percent(fraction: float) -> str:
    return "–" if np.isnan(fraction) else f"{100 * fraction:.0f} %"
