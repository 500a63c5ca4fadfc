"""Anyone's own data: one folder for each split and class, and a table of boxes."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from model_guidance.data.checks import check_box, class_index, needed, open_image
from model_guidance.data.readers.options import check_split
from model_guidance.data.source import Sample, Source
from model_guidance.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
EDGES = ("xmin", "ymin", "xmax", "ymax")
LAYOUT = "images must lie in ROOT/{train,val,test}/CLASS/"

Boxes = dict[str, list[tuple[int, tuple[float, ...]]]]


def read(root: Path, split: str) -> Source:
    """Read ROOT/{train,val,test}/CLASS/IMAGE, and the boxes of ROOT/regions.csv if there is one.

    The table has the header `file,xmin,ymin,xmax,ymax` and any number of rows for an image: `file` is
    relative to ROOT, the edges are 0-based pixels, so that a box over the whole image is 0,0,width,height.
    Each box belongs to the image's class. The classes are the folders of ROOT/train, sorted by name. Raises
    `UserError` for a missing folder, an empty split, an unknown class, or a defective row (by its line).
    """
    check_split(split)
    classes = {path.name: index for index, path in enumerate(_folders(needed(root / "train", LAYOUT)))}
    labels = dict(_images(root, split, classes)) if classes else {}
    if not labels:
        raise UserError(f"{root / split} holds no images: {LAYOUT}.")
    names, table = list(labels), root / "regions.csv"
    boxes = _boxes(root, table) if table.exists() else {}
    files = (root / split, *([table] if table.exists() else []))
    sample = partial(_sample, root, names, labels, boxes)
    return Source(tuple(classes), names, sample, files, "folder", exclusive=True)


def _folders(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))


def _images(root: Path, split: str, classes: dict[str, int]) -> Iterator[tuple[str, int]]:
    for folder in _folders(needed(root / split, LAYOUT)):
        label = class_index(folder.name, classes, str(folder))
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
                yield path.relative_to(root).as_posix(), label


def _boxes(root: Path, table: Path) -> Boxes:
    boxes: Boxes = defaultdict(list)
    with table.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        if not {"file", *EDGES} <= set(reader.fieldnames or ()):
            raise UserError(f"{table} line 1: the header must be file,{','.join(EDGES)}.")
        for row in reader:
            name, edges = _box(row, root, f"{table} line {reader.line_num}")
            boxes[name].append((reader.line_num, edges))
    return dict(boxes)


def _box(row: dict[str, Any], root: Path, where: str) -> tuple[str, tuple[float, ...]]:
    name = PurePosixPath(row["file"]).as_posix()
    if not (root / name).is_file():
        raise UserError(f"{where}: {name!r} is not a file in {root}.")
    try:
        return name, tuple(float(row[edge]) for edge in EDGES)
    except (TypeError, ValueError):
        found = ", ".join(f"{edge}={row[edge]!r}" for edge in EDGES)
        raise UserError(f"{where}: {found}, but each must be a number.") from None


def _sample(root: Path, names: list[str], labels: dict[str, int], boxes: Boxes, index: int) -> Sample:
    name = names[index]
    image, label = open_image(root / name), labels[name]
    where = root / "regions.csv"
    checked = [
        check_box(edges, image.size, f"{where} line {line} ({name})") for line, edges in boxes.get(name, ())
    ]
    remarks = tuple(text for _, remarks in checked for text in remarks)
    return Sample(image, frozenset({label}), tuple((label, box) for box, _ in checked), remarks=remarks)
