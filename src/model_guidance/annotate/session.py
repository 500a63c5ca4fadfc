"""One sitting before the page: a run, its photos, the marks and the rounds."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image, ImageDraw

from model_guidance.annotate.gallery import Gallery
from model_guidance.annotate.marks_file import Marked, MarksFile
from model_guidance.annotate.orders import ORDERS
from model_guidance.annotate.photos import QUALITY, Photos
from model_guidance.annotate.rounds import Rounds, Wish
from model_guidance.annotate.shapes import Shape, own_shapes
from model_guidance.annotate.views import Views
from model_guidance.data.photos import encoded
from model_guidance.data.readers.options import SPLITS
from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation
from model_guidance.files import read_bytes
from model_guidance.report.page import write_report
from model_guidance.report.read.score import NAMES
from model_guidance.runs.folder import Run


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """One change of the marks of an image."""

    op: str
    split: str
    index: int
    shape: Shape | None = None
    uid: str | None = None
    status: str | None = None


REPORT = "report"
GUIDED_AT_END = "final"
FROZEN_BEFORE = "mid3"  # of networks that are guided at the last layer


class Session:
    """Answers what the page asks; names and numbers of the page are checked here."""

    def __init__(self, run: Run, folder: Path, marks: Path) -> None:
        if run.result is None:
            raise UserError(f"{run.folder}: is not finished; the page shows what a finished run looks at")
        self.run, self.folder = run, folder
        self.marks = MarksFile(marks, run.classes)
        self.rounds = Rounds(run, folder, marks)
        self.photos = {name: Photos.of(run, name) for name in SPLITS}
        self._report: Path | None = None
        self.views = Views(run.folder, self.rounds)
        self._gallery = Gallery(run.classes, self.marks, self.rounds, self.views)

    @cached_property
    def places(self) -> Mapping[str, tuple[str, int]]:
        """The split and the index of each image, by its name."""
        return {n: (split, i) for split, each in self.photos.items() for i, n in enumerate(each.names)}

    def described(self) -> dict[str, Any]:
        """Return what the page must know at its start."""
        config = self.run.config
        return {
            "run": self.run.folder.name,
            "classes": self.run.classes,
            "exclusive": self.photos["train"].split.exclusive,
            "splits": {name: len(each) for name, each in self.photos.items()},
            "groups": list(self.photos["test"].split.groups),
            "size": config.size,
            "layer": config.layer,
            "method": config.own_method,
            "frozen": self.frozen,
            "orders": [{"id": name, "title": each.title} for name, each in ORDERS.items()],
            "models": [
                {"id": name, "title": folder.name, "epoch": self.views.epoch(name)}
                for name, folder in self.views.folders.items()
                if self.views.epoch(name)
            ],
            "marks_file": str(self.marks.path),
            "revision": self.marks.revision,
        }

    @property
    def frozen(self) -> str | None:
        """Up to which layer a round freezes the network if nothing else is wished."""
        config = self.run.config
        return config.frozen or (FROZEN_BEFORE if config.layer == GUIDED_AT_END else None)

    def gallery(self, asked: Mapping[str, str], first: int = 0, count: int = 200) -> dict[str, Any]:
        """Return a part of the images of a split in the order, and of the kind, that is asked for."""
        return self._gallery.part(self._photos(asked.get("split", "train")), asked, first, count)

    def image(self, split: str, index: int, model: str) -> dict[str, Any]:
        """Return all about one image; its scores are those of the model."""
        photos = self._photos(split)
        sample = photos.sample(photos.check(index))
        name = photos.names[index]
        scores = self.views[model].scores(split, index)
        revision, marks = self.marks.known  # after the network: somebody may have marked meanwhile
        named = sorted(zip(self.run.classes, scores, strict=True), key=lambda each: -each[1])
        return {
            "index": index,
            "split": split,
            "name": name,
            "width": sample.image.width,
            "height": sample.image.height,
            "labels": photos.labels(index),
            "group": photos.group(index),
            "scores": [{"label": label, "score": round(score, 4)} for label, score in named],
            "own": msgspec.to_builtins(own_shapes(sample.annotations, photos.source.classes)),
            **_told(marks.get(name), revision),
        }

    def jpeg(self, split: str, index: int, side: int | None) -> bytes:
        """Return an image as a JPEG file."""
        photos = self._photos(split)
        return photos.jpeg(photos.check(index), side)

    def without_background(self, split: str, index: int) -> bytes:
        """Return an image with the mean colour outside of its regions; `UserError` where it has none."""
        photos = self._photos(split)
        sample = photos.sample(photos.check(index))
        marked = self.marks.of(photos.names[index])
        own = own_shapes(sample.annotations, photos.source.classes)
        shapes = [
            each for each in (marked.shapes.values() if marked and marked.shapes else own) if not each.ignored
        ]
        if not shapes:
            raise UserError("the image has no region yet, so nothing says what its background is")
        inside = Image.new("L", sample.image.size)
        for shape in shapes:
            ImageDraw.Draw(inside).polygon(shape.outline, fill=255)
        pixels, kept = np.asarray(sample.image), np.asarray(inside) > 0
        mean = pixels[~kept].mean(axis=0) if not kept.all() else 0
        return encoded(
            Image.fromarray(np.where(kept[..., None], pixels, mean).astype(np.uint8)), "JPEG", QUALITY
        )

    def map_png(self, model: str, split: str, index: int, label: int) -> bytes:
        """Return the map of a class over an image as a PNG file with opacity."""
        if not 0 <= label < len(self.run.classes):
            raise UserError(f"there is no class {label}; there are {len(self.run.classes)}")
        photos = self._photos(split)
        size = photos.sample(photos.check(index)).image.size
        return self.views[model].map_png(split, index, label, size)

    def mark(self, change: Change) -> dict[str, Any]:
        """Carry out one change of the marks; when this returns, it is on disk."""
        photos = self._photos(change.split)
        name = photos.names[photos.check(change.index)]
        size = photos.sample(change.index).image.size
        if change.op == "put" and change.shape is not None:
            revision = self.marks.put(name, size, change.shape)
        elif change.op == "delete" and change.uid is not None:
            revision = self.marks.delete(name, change.uid)
        elif change.op == "status":
            revision = self.marks.set_status(name, size, change.status)
        else:
            raise UserError(f"op {change.op!r}: must be put with a shape, delete with a uid, or status")
        return {"revision": revision}

    def changed(self, since: int) -> dict[str, Any]:
        """Return the images whose marks were changed after a revision, by whomever."""
        self.marks.refresh()
        revision, marks = self.marks.known  # before the names: what is changed from now on is told next time
        changed = [
            {"split": self.places[name][0], "index": self.places[name][1], **_told(marks.get(name), revision)}
            for name in self.marks.since(since)
            if name in self.places
        ]
        return {"revision": revision, "changed": changed}

    def start_round(self, wish: Wish) -> dict[str, Any]:
        """Train with the regions that are marked in training images."""
        marked = [name for name, each in self.marks.images.items() if each.shapes]
        training = [name for name in marked if self.places.get(name, ("", 0))[0] == "train"]
        return {"id": self.rounds.start(wish, training).folder.name}

    def compared(self, name: str) -> dict[str, Any]:
        """Return the verdict on a round, and the scores of the run and of the round on the test images."""
        found = self.rounds.verdict(name)
        after = Run.open(self.rounds[name].folder)
        return {
            "label": found.outcome,
            "verdict": found.sentence,
            "before": _scored(self.run.result.last if self.run.result else None),
            "after": _scored(after.result.last if after.result else None),
        }

    def report(self) -> dict[str, Any]:
        """Write the report of the run and its finished rounds, and return where the page finds it."""
        done = [each.folder for each in self.rounds.all if each.state == "finished"]
        self._report = write_report([self.run.folder, *done], self.folder / REPORT, "Rounds").page
        return {"url": "/report.html"}

    def report_page(self) -> bytes:
        """Return the report that was written last; `UserError` if there is none."""
        if self._report is None:
            raise UserError("no report has been written yet")
        return read_bytes(self._report)

    def close(self) -> None:
        """End the round that is trained, as Ctrl-C does: its last whole epoch stays."""
        for each in self.rounds.all:
            each.stop()

    def _photos(self, split: str) -> Photos:
        if split not in self.photos:
            raise UserError(f"there is no split {split}; there are {', '.join(self.photos)}")
        return self.photos[split]


def _told(marked: Marked | None, revision: int) -> dict[str, Any]:
    shapes = list(marked.shapes.values()) if marked else []
    status = marked.status if marked else None
    return {"marks": msgspec.to_builtins(shapes), "status": status, "revision": revision}


def _scored(found: Evaluation | None) -> dict[str, Any]:
    if found is None:
        return {"scores": {}, "groups": {}, "reliance": {}}
    altered = found.reliance
    reliance = (
        {} if altered is None else {f"outside: {name}": value for name, value in altered.outside.items()}
    )
    groups = {name: scores["accuracy"] for name, scores in found.groups.items()}
    named = {label: found.scores[name] for name, label in NAMES.items() if name in found.scores}
    return {"scores": named, "groups": groups, "reliance": reliance}
