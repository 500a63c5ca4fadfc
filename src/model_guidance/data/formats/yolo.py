"""YOLO's text files: a class's number and shares of the image in each line, for boxes and for polygons."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from model_guidance.data.formats.annotated_file import Annotated, AnnotatedFile
from model_guidance.data.marks import Mark, box, polygon
from model_guidance.errors import UserError, quoted, shortened
from model_guidance.files import entries, is_file, is_folder, read_text

NAMES = ("data.yaml", "dataset.yaml", "classes.txt", "obj.names")
ABOVE = 3  # folders above the labels in which the classes' names may lie
BOX, LEAST_POLYGON = 5, 7  # numbers in a line
RESERVED = {*NAMES, "train.txt", "valid.txt", "val.txt", "test.txt", "readme.txt"}


class Yolo(AnnotatedFile):
    """The file of an image has its name; lines of more than four numbers are polygons, or turned boxes.

    Poses are refused: their key points would pass for corners.
    """

    def __init__(self, path: Path, named: Path | None = None) -> None:
        """Read the folder `path`; `named` is the file of the classes, which else lies there or above."""
        self.path = path
        folder = path if is_folder(path) else path.parent
        self.classes, named = (tuple(names_in(named)), named) if named else class_names(folder)
        labels = [file for file in entries(folder) if file.suffix == ".txt" and not _reserved(file.name)]
        self._labels = labels
        self.files = (named, *labels)
        self.images = [file.stem for file in labels]

    def read(self, index: int) -> Annotated:
        """Return the objects of one file, line by line."""
        file = self._labels[index]
        lines = enumerate(read_text(file).splitlines(), start=1)
        marks = [self._mark(line.split(), f"{file} line {place}") for place, line in lines if line.strip()]
        return Annotated(str(file), marks)

    def _mark(self, words: list[str], where: str) -> Mark:
        try:
            number, shares = int(words[0]), [float(word) for word in words[1:]]
        except ValueError:
            raise UserError(
                f"{where}: {quoted(' '.join(words))}, but must be a class's number and shares of the image"
            ) from None
        if not 0 <= number < len(self.classes):
            raise UserError(f"{where}: class {number}, but there are 0 to {len(self.classes) - 1}")
        label = self.classes[number]
        if len(words) == BOX:
            x, y, width, height = shares
            edges = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            return box(where, label, edges, unit=1.0)
        if len(words) < LEAST_POLYGON or len(shares) % 2:
            raise UserError(
                f"{where}: has {len(shares)} numbers after the class, but must have 4 (a box) or 6, 8, ... "
                "(a polygon)"
            )
        return polygon(where, label, shares, unit=1.0)


def class_names(folder: Path) -> tuple[tuple[str, ...], Path]:
    """Return the classes in their order, and the file beside or above the labels that names them."""
    for above in (folder, *folder.absolute().parents[:ABOVE]):
        for name in NAMES:
            if is_file(above / name):
                return tuple(names_in(above / name)), above / name
    raise UserError(f"{folder}: has label files, but no {' or '.join(NAMES[:3])} that names the classes")


def names_in(file: Path) -> list[str]:
    """Return the classes that a file names: a line each, or `names` in YAML, a list or by number."""
    if file.suffix != ".yaml":
        return [line.strip() for line in read_text(file).splitlines() if line.strip()]
    content = settings(file)
    if "kpt_shape" in content:
        raise UserError(f"{file}: is of poses (kpt_shape), but boxes or polygons are needed")
    try:
        names = content["names"]
        names = [names[number] for number in range(len(names))] if isinstance(names, dict) else names
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{file}: has no `names`, the classes in their order ({shortened(str(error))})"
        ) from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str | int) for name in names):
        raise UserError(f"{file}: names is {quoted(names)}, but must list the classes in their order")
    if len(set(map(str, names))) < len(names):
        raise UserError(f"{file}: names lists a class twice, but each must have its own name")
    return [str(name) for name in names]


def settings(file: Path) -> dict[Any, Any]:
    """Return what a data.yaml says; `UserError` for what is no YAML of names and values."""
    try:
        content = yaml.safe_load(read_text(file))
    except (yaml.YAMLError, ValueError, RecursionError, KeyError, TypeError, OverflowError) as error:
        raise UserError(f"{file}: is no YAML ({shortened(' '.join(str(error).split()))})") from error
    if not isinstance(content, dict):
        raise UserError(f"{file}: must have names and values, such as `names: [cat, dog]`")
    return content


def images_of(file: Path, split: str, names: Sequence[str]) -> Path | None:
    """Return the folder of images that a data.yaml gives for a split, by one of its `names`.

    None where it gives none, or one that is not there, since many files keep the paths of another machine, or
    one that the file itself lies below: that holds more. Raises `UserError` for a list in place of a folder.
    """
    content = settings(file)
    stated = next((content[name] for name in names if content.get(name)), None)
    if stated is None:
        return None
    if not isinstance(stated, str) or stated.endswith(".txt"):
        raise UserError(f"{file}: {split} is {quoted(stated)}, but must be one folder of images, no list")
    given = content.get("path")
    home = file.parent / given if isinstance(given, str) else file.parent
    # A path that leads up is often meant from here: that is how Roboflow writes it.
    places = (home / stated, file.parent / stated, file.parent / re.sub(r"^(\.\./)+", "", stated))
    known = (Path(os.path.normpath(each)) for each in places if is_folder(each))
    above = file.parent.absolute().parents
    return next((each for each in known if each.absolute() not in above), None)


def labels_beside(images: Path) -> Path:
    """Return the folder of labels: that of the images with `labels` for the last `images` in its path."""
    parts = images.parts
    last = max((place for place, part in enumerate(parts) if part == "images"), default=None)
    return images if last is None else Path(*parts[:last], "labels", *parts[last + 1 :])


def _reserved(name: str) -> bool:
    return name.lower() in RESERVED
