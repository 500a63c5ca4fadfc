"""Waterbirds: birds of CUB pasted onto land or water, with a background that misleads."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from model_guidance.data.checks import check_box, needed, open_image
from model_guidance.data.readers.options import SPLITS, check_split, one_of
from model_guidance.data.source import Sample, Source
from model_guidance.errors import UserError

IMAGES = "waterbird_1.0_forest2water2"
BOXES = Path("CUB_200_2011") / "bounding_boxes.txt"
COLUMNS = ("img_id", "img_filename", "y", "split", "place")
CLASSES = {"conventional": ("landbird", "waterbird"), "reversed": ("land", "water")}
GROUPS = ("landbird on land", "landbird on water", "waterbird on land", "waterbird on water")


@dataclass(frozen=True)
class _Row:
    identity: str
    name: str
    bird: int
    place: int
    split: int

    @property
    def group(self) -> int:
        return 2 * self.bird + self.place


def read(
    root: Path, split: str, *, task: str = "conventional", validation: str = "seen", training: str = "biased"
) -> Source:
    """Read one split of Waterbirds (any release with this layout: 95 % or 100 % correlation).

    `task` "conventional": the label is the bird, its evidence lies in the box; "reversed": the label is the
    place, its evidence lies outside the box. `validation` "seen" keeps only the validation images of groups
    that occur in training (the paper's protocol), "all" keeps every one. `training` "mixed" trains on the
    validation images of all four groups instead: what a model that learns from them reaches is the
    ceiling. The groups are 2 * bird + place in the order of `GROUPS`. Boxes that reach past the image are
    cut, with a remark. Raises `UserError` when a file is missing or defective.
    """
    check_split(split)
    classes = CLASSES[one_of("task", task, tuple(CLASSES))]
    one_of("validation", validation, ("seen", "all"))
    one_of("training", training, ("biased", "mixed"))
    table = needed(root / IMAGES / "metadata.csv", f"unpack {IMAGES} of the Waterbirds release into {root}")
    listed = needed(root / BOXES, f"unpack CUB_200_2011, of which the boxes come, into {root}")
    rows, boxes = list(_rows(table)), dict(_boxes(listed))
    mixed = split == "train" and training == "mixed"
    chosen = _of_split(rows, "val" if mixed else split, keep_all=mixed or validation == "all")
    sample = partial(_sample, root, chosen, boxes, task == "reversed")
    version = f"waterbirds {split} {task} {validation} {training}"
    names = [row.name for row in chosen]
    files = (table, listed, *sorted({(root / IMAGES / name).parent for name in names}))
    return Source(classes, names, sample, files, version, GROUPS, exclusive=True, outside=task == "reversed")


def _of_split(rows: list[_Row], split: str, keep_all: bool) -> list[_Row]:
    seen = {row.group for row in rows if row.split == SPLITS.index("train")}
    chosen = [row for row in rows if row.split == SPLITS.index(split)]
    return [row for row in chosen if split != "val" or keep_all or row.group in seen]


def _rows(table: Path) -> Iterator[_Row]:
    with table.open(newline="") as lines:
        reader = csv.DictReader(lines)
        if not set(COLUMNS) <= set(reader.fieldnames or ()):
            raise UserError(f"{table} line 1: the header must name the columns {', '.join(COLUMNS)}.")
        for row in reader:
            yield _row(row, f"{table} line {reader.line_num}")


def _row(row: dict[str, Any], where: str) -> _Row:
    bird, place, split = row["y"], row["place"], row["split"]
    if bird not in ("0", "1") or place not in ("0", "1") or split not in ("0", "1", "2"):
        found = f"y={bird}, place={place}, split={split}"
        raise UserError(f"{where}: {found}, but y and place must be 0 or 1, and split 0, 1 or 2.")
    return _Row(row["img_id"], row["img_filename"], int(bird), int(place), int(split))


def _boxes(listed: Path) -> Iterator[tuple[str, tuple[float, ...]]]:
    for number, line in enumerate(listed.read_text().splitlines(), start=1):
        try:
            identity, *numbers = line.split()
            x, y, width, height = map(float, numbers)
        except ValueError:
            raise UserError(
                f"{listed} line {number}: {line!r} must be an image id and x y width height."
            ) from None
        yield identity, (x, y, x + width, y + height)


def _sample(
    root: Path, rows: list[_Row], boxes: dict[str, tuple[float, ...]], by_place: bool, index: int
) -> Sample:
    row = rows[index]
    path = root / IMAGES / row.name
    image = open_image(path)
    if row.identity not in boxes:
        raise UserError(f"{root / BOXES} has no box for the image {row.identity} ({row.name}).")
    box, remarks = check_box(boxes[row.identity], image.size, f"{path}, bird")
    label = row.place if by_place else row.bird
    return Sample(image, frozenset({label}), ((label, box),), group=row.group, remarks=remarks)
