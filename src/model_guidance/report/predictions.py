"""Predictions as lines of CSV or JSON, and as pages of overlays; each is written as soon as it is known."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol, TextIO

import numpy as np
from PIL import Image

from model_guidance.data.photos import encoded, open_image
from model_guidance.errors import UserError
from model_guidance.files import check_output_folder, common_folder, entries, is_folder, write
from model_guidance.report.escape import spreadsheet
from model_guidance.report.figures.overlay import picture, scale
from model_guidance.report.rendering import render
from model_guidance.runs.predict import Prediction, Unread

PER_PAGE = 60
OWN_NAME = re.compile(r"index\.html|page-\d+\.html")
PICTURES = "images"
OWN_PICTURE = re.compile(r"\d{6,}-\d+-[\w.-]*\.jpg")
QUALITY = 90


class Lines(Protocol):
    """Writes one line for each prediction; `overlays` are files by class, as `Overlays.add` returns them."""

    def add(self, found: Prediction, overlays: Mapping[int, str]) -> None:
        """Write the line of one image."""


@dataclass(frozen=True)
class JsonLines:
    """One object a line: `image`, `predicted` (names), `scores` by name, and `overlays` by name if any."""

    file: TextIO
    classes: Sequence[str]

    def add(self, found: Prediction, overlays: Mapping[int, str]) -> None:
        """Write the line of one image."""
        row: dict[str, object] = {
            "image": str(found.image),
            "predicted": [self.classes[each] for each in found.predicted],
            "scores": dict(zip(self.classes, found.scores, strict=True)),
        }
        if overlays:
            row["overlays"] = {self.classes[label]: name for label, name in overlays.items()}
        self.file.write(json.dumps(row) + "\n")


class Csv:
    """A table: `image`, `predicted`, `score NAME` of each class, and `overlays` if there are any.

    Several names in a cell are separated by "; ". No cell is a formula to a spreadsheet.
    """

    def __init__(self, file: TextIO, classes: Sequence[str], overlays: bool):
        self.writer, self.classes, self.overlays = csv.writer(file, lineterminator="\n"), classes, overlays
        scores = (f"score {name}" for name in classes)
        self._row(["image", "predicted", *scores, *["overlays"] * overlays])

    def add(self, found: Prediction, overlays: Mapping[int, str]) -> None:
        """Write the line of one image."""
        predicted = "; ".join(self.classes[each] for each in found.predicted)
        shown = ["; ".join(overlays.values())] * self.overlays
        self._row([str(found.image), predicted, *map(repr, found.scores), *shown])

    def _row(self, cells: Sequence[str]) -> None:
        self.writer.writerow(map(spreadsheet, cells))


def check_overlays(folder: Path, overwrite: bool) -> None:
    """Raise `UserError` unless pages can be written to `folder`, which must be empty without `overwrite`."""
    check_output_folder(folder, "--overlays")
    if is_folder(folder) and entries(folder) and not overwrite:
        raise UserError(f"--overlays {folder}: is not empty: name another folder, or add --overwrite")


@dataclass(frozen=True)
class _Shown:
    """What a page shows of one image: pictures with a line each, or the sentence why there is none."""

    name: str
    predicted: str
    pictures: Sequence[tuple[str, str]]
    reason: str = ""


@dataclass
class Overlays:
    """Maps over their images, in the images' own size, and pages of `PER_PAGE` images that show them.

    `images` are all that will be added: the pages lead to each other, and name images as they lie below the
    folder that holds all of them.
    """

    folder: Path
    classes: Sequence[str]
    images: Sequence[Path]
    title: str
    orientation: str = "stored"
    page: int = 1
    count: int = 0
    waiting: list[_Shown] = field(default_factory=list)

    @cached_property
    def home(self) -> Path:
        """The folder that holds all images; where none does, names are whole."""
        return common_folder([each.absolute() for each in self.images])

    def clear(self) -> None:
        """Remove what an earlier call wrote, and nothing else."""
        for place, own in ((self.folder, OWN_NAME), (self.folder / PICTURES, OWN_PICTURE)):
            for path in entries(place) if is_folder(place) else ():
                if own.fullmatch(path.name):
                    path.unlink()

    def add(self, found: Prediction | Unread) -> dict[int, str]:
        """Draw an image's maps; return the files, relative to the folder, by class."""
        self.count += 1
        if isinstance(found, Unread):
            self._show(_Shown(self._name(found.image), "", [], found.reason))
            return {}
        image = np.asarray(open_image(found.image, self.orientation))
        files = {label: self._draw(found.image, image, label, raw) for label, raw in found.maps.items()}
        pictures = [(file, self._said(label, found)) for label, file in files.items()]
        predicted = ", ".join(self.classes[each] for each in found.predicted) or "no class"
        self._show(_Shown(self._name(found.image), predicted, pictures))
        return files

    def _name(self, image: Path) -> str:
        whole = image.absolute()
        return (whole.relative_to(self.home) if whole.is_relative_to(self.home) else whole).as_posix()

    def _said(self, label: int, found: Prediction) -> str:
        return f"why {self.classes[label]}? {100 * found.scores[label]:.0f} %"

    def _draw(self, path: Path, image: np.ndarray, label: int, raw: np.ndarray) -> str:
        drawn = picture(image, raw, strongest=scale([raw]), side=None)
        stem = re.sub(r"[^\w.-]", "_", path.stem, flags=re.ASCII)[:80]
        name = f"{PICTURES}/{self.count:06}-{label}-{stem}.jpg"
        write(self.folder / name, encoded(Image.fromarray(drawn), "JPEG", QUALITY))
        return name

    def _show(self, shown: _Shown) -> None:
        self.waiting.append(shown)
        if len(self.waiting) == PER_PAGE or self.count == len(self.images):
            last = -(-len(self.images) // PER_PAGE)
            pages = [(number, _page(number)) for number in range(1, last + 1)]
            content = render(
                "overlays.html",
                title=self.title,
                home=self.home,
                shown=self.waiting,
                pages=pages,
                page=self.page,
                last=last,
            )
            write(self.folder / _page(self.page), content.encode())
            self.page, self.waiting = self.page + 1, []


def _page(number: int) -> str:
    return "index.html" if number == 1 else f"page-{number}.html"
