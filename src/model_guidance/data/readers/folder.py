"""Anyone's own data: one folder for each split and class, and a table of what is marked in them."""

import os
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from model_guidance.data.checks import check_box, check_point, class_index, needed
from model_guidance.data.photos import read_photo
from model_guidance.data.readers.listing import (
    CLASSLESS,
    HIDDEN,
    LeftOut,
    images_below,
    is_image,
    is_litter,
)
from model_guidance.data.readers.options import SPLITS, check_split
from model_guidance.data.source import Annotation, Sample, Source
from model_guidance.data.tables import rows
from model_guidance.errors import UserError, quoted
from model_guidance.files import entries, is_file, is_folder

EDGES = ("xmin", "ymin", "xmax", "ymax")
LAYOUT = "images must lie in ROOT/{train,val,test}/CLASS/"

KINDS = {"": "boxes", "box": "boxes", "ignore": "ignore", "point": "points"}  # by the word in the table


def read(root: Path, split: str) -> Source:
    """Read ROOT/{train,val,test}/CLASS/IMAGE, and the boxes of ROOT/regions.csv if there is one.

    The table has the header `file,xmin,ymin,xmax,ymax` and any number of rows for an image: `file` is
    relative to ROOT (or absolute, and below it), the edges are 0-based pixels, so that a box over the whole
    image is 0,0,width,height. A column `kind` may say what a row is: box, ignore (a box whose inside must
    not be used) or point, which lies at xmin,ymin and has a `radius` in a column of that name (xmax and ymax
    stay empty). Each row belongs to the image's class. The classes are the folders of
    ROOT/train, sorted by name; images may lie in folders of their own below them. What is no image is left
    out, with a remark. Raises `UserError` for a missing folder, an empty split, an unknown class, or a
    defective row and one that matches no image (by its line).
    """
    check_split(split)
    classes = {path.name: index for index, path in enumerate(_folders(needed(root / "train", LAYOUT)))}
    left_out = LeftOut()
    labels = _labels(root, needed(root / split, LAYOUT), classes, left_out) if classes else {}
    if not labels:
        raise UserError(f"{root / split}: holds no images; {LAYOUT}")
    names, table = list(labels), root / "regions.csv"
    listed = os.path.lexists(table)
    marks = _marks(root, split, table, labels) if listed else {}
    files = (*(root / name for name in names), table)
    sample = partial(_sample, root, names, labels, marks)
    remarks = left_out.remarks()
    return Source(tuple(classes), names, sample, files, "folder", exclusive=True, remarks=remarks)


def _folders(path: Path) -> list[Path]:
    return [each for each in entries(path) if not is_litter(each.name) and is_folder(each)]


def _labels(root: Path, home: Path, classes: dict[str, int], left_out: LeftOut) -> dict[str, int]:
    """Return the class of each image of a split, by the image's name."""
    labels: dict[str, int] = {}
    for path in entries(home):
        if is_litter(path.name):
            left_out.add(HIDDEN, path, root)
        elif not is_folder(path):
            left_out.add(CLASSLESS, path, root)
        else:
            label = class_index(path.name, classes, str(path))
            labels |= {
                image.relative_to(root).as_posix(): label for image in images_below(path, root, left_out)
            }
    return labels


@dataclass(frozen=True)
class _Mark:
    """A row of the table, and where it stands."""

    where: str
    kind: str
    numbers: tuple[float, ...]

    def annotation(self, label: int, size: tuple[int, int]) -> tuple[Annotation, tuple[str, ...]]:
        """Return the annotation, checked against an image of (width, height) pixels, and remarks."""
        if self.kind == "points":
            return Annotation(self.kind, label, check_point(self.numbers, size, self.where)), ()
        box, remarks = check_box(self.numbers, size, self.where)
        return Annotation(self.kind, label, box), remarks


def _marks(root: Path, split: str, table: Path, labels: dict[str, int]) -> dict[str, list[_Mark]]:
    """Return the rows of the split's images, by the image's name; rows of other splits are passed over."""
    marks: dict[str, list[_Mark]] = defaultdict(list)
    for where, row in rows(table, ("file", *EDGES)):
        name = _name(row["file"], root)
        if name in labels:
            marks[name].append(_mark(row, where, name))
        elif not _of_another_split(root / name, root, split):
            raise UserError(f"{where}: {quoted(row['file'])} is no image of {root}; {LAYOUT}")
    return dict(marks)


def _mark(row: dict[str, str], where: str, name: str) -> _Mark:
    word = row.get("kind", "").strip().lower()
    if word not in KINDS:
        raise UserError(f"{where}: kind is {quoted(word)}, but must be box, ignore or point")
    wanted = ("xmin", "ymin", "radius") if word == "point" else EDGES
    try:
        numbers = tuple(float(row.get(column, "")) for column in wanted)
    except ValueError:
        found = ", ".join(f"{column}={quoted(row.get(column))}" for column in wanted)
        raise UserError(f"{where}: {found}, but each must be a number") from None
    return _Mark(f"{where} ({name})", KINDS[word], numbers)


def _name(file: str, root: Path) -> str:
    """Return `file`, written relative to ROOT or absolute, with either slash, as the images' names are."""
    path = Path(os.path.normpath(file if "/" in file else file.replace("\\", "/")))
    if path.is_absolute():
        for known, home in (
            (path, root.absolute()),
            (path, root.resolve()),
            (_settled(path), root.resolve()),
        ):
            if known.is_relative_to(home):
                return known.relative_to(home).as_posix()
    return path.as_posix()


def _settled(path: Path) -> Path:
    """Follow the links of the folders on the way: an image itself may be a link to a place elsewhere."""
    return Path(os.path.realpath(path.parent)) / path.name


def _of_another_split(path: Path, root: Path, split: str) -> bool:
    top = path.relative_to(root).parts[:1] if path.is_relative_to(root) else ()
    other = top and top[0] in SPLITS and top[0] != split
    return bool(other) and is_image(path) and is_file(path)


def _sample(
    root: Path, names: list[str], labels: dict[str, int], marks: dict[str, list[_Mark]], index: int
) -> Sample:
    name = names[index]
    image, seen = read_photo(root / name)
    label = labels[name]
    checked = [mark.annotation(label, image.size) for mark in marks.get(name, ())]
    cuts = tuple(text for _, remarks in checked for text in remarks)
    return Sample(image, frozenset({label}), tuple(each for each, _ in checked), remarks=seen + cuts)
