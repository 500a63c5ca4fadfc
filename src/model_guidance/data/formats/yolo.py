"""YOLO's text files: a class's number and shares of the image in each line, for boxes and for polygons."""

from pathlib import Path

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
    """The file of an image has its name; lines of more than four numbers are polygons."""

    def __init__(self, path: Path) -> None:
        self.path = path
        folder = path if is_folder(path) else path.parent
        self.classes, named = class_names(folder)
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
    text = read_text(file)
    if file.suffix != ".yaml":
        return [line.strip() for line in text.splitlines() if line.strip()]
    try:
        content = yaml.safe_load(text)
        names = content["names"]
        names = [names[number] for number in range(len(names))] if isinstance(names, dict) else names
    except (yaml.YAMLError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise UserError(
            f"{file}: has no `names`, the classes in their order ({shortened(str(error))})"
        ) from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str | int) for name in names):
        raise UserError(f"{file}: names is {quoted(names)}, but must list the classes in their order")
    if len(set(map(str, names))) < len(names):
        raise UserError(f"{file}: names lists a class twice, but each must have its own name")
    return [str(name) for name in names]


def _reserved(name: str) -> bool:
    return name.lower() in RESERVED
