"""SIIM-ACR: chest X-rays with and without a pneumothorax, its outlines as run lengths in a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image

from model_guidance.data.checks import needed
from model_guidance.data.photos import read_photo
from model_guidance.data.readers.options import check_number, check_split
from model_guidance.data.readers.partition import hashed_order
from model_guidance.data.source import Annotation, Sample, Source, bounding_box
from model_guidance.data.tables import rows
from model_guidance.errors import UserError
from model_guidance.files import is_there

TABLES = ("train-rle.csv", "stage_2_train.csv")  # of the first release and of the last
TUBES = "chest-tubes.csv"
SIDE, SEED = 1024, 2019  # pixels of the X-rays for which the run lengths are made
NONE = ("", "-1")
CLASSES = ("no pneumothorax", "pneumothorax")
GROUPS = tuple(f"{each}, {tube} tube" for each in CLASSES for tube in ("no", "chest"))


@dataclass(frozen=True)
class _Finding:
    where: str
    runs: str


def read(root: Path, split: str, *, validation: float = 0.1, test: float = 0.2) -> Source:
    """Read one split of SIIM-ACR: ROOT/train-rle.csv (or stage_2_train.csv) and ROOT/images/ImageId.png.

    The table has a row `ImageId,EncodedPixels` for each finding: run lengths down the columns of 1024 x 1024
    pixels, each start counted from the end of the run before; -1 is none. The images may be smaller: a pixel
    belongs to the mask where any of its pixels does. A class is whether there is a finding; regions are the
    box of each one and the mask of all. The release has labels of one part alone: `validation` and `test` are
    the shares of the splits that are drawn from it. Where ROOT/chest-tubes.csv has `ImageId,tube` (0 or 1),
    the groups are 2 * class + tube. Raises `UserError` for a missing file, or a defective row by its line.
    """
    check_split(split)
    check_number("validation", validation, 0.0, 0.5)
    check_number("test", test, 0.0, 0.5)
    there = [root / name for name in TABLES if is_there(root / name)]
    table = there[0] if there else needed(root / TABLES[0], "put the table of SIIM-ACR there")
    images = needed(root / "images", "put the X-rays there as ImageId.png")
    findings, tubes = _findings(table), _tubes(root / TUBES)
    chosen = _part(list(findings), split, validation, test)
    return Source(
        classes=CLASSES,
        names=chosen,
        read=partial(_sample, images, chosen, findings, tubes),
        files=(table, root / TUBES, *(images / f"{name}.png" for name in chosen)),
        version=f"siim {split} {validation:g} {test:g} {SEED}",
        groups=GROUPS if tubes else (),
        exclusive=True,
    )


def _part(names: list[str], split: str, validation: float, test: float) -> list[str]:
    order = hashed_order(names, SEED)
    first, second = round(test * len(names)), round((test + validation) * len(names))
    places = {"test": order[:first], "val": order[first:second], "train": order[second:]}
    return [names[place] for place in sorted(places[split])]


def _findings(table: Path) -> dict[str, list[_Finding]]:
    """Return the findings of each image, by its name; the table may repeat a row."""
    found: dict[str, list[_Finding]] = {}
    for where, row in rows(table, ("ImageId", "EncodedPixels")):
        name, runs = row["ImageId"].strip(), row["EncodedPixels"].strip()
        if not name or "/" in name or "\0" in name:
            raise UserError(f"{where}: ImageId is {name[:100]!r}, but must name an image")
        of_image = found.setdefault(name, [])
        if runs not in NONE:
            of_image.append(_Finding(where, runs))
    return found


def _tubes(table: Path) -> dict[str, int]:
    if not is_there(table):
        return {}
    tubes: dict[str, int] = {}
    for where, row in rows(table, ("ImageId", "tube")):
        if row["tube"].strip() not in ("0", "1"):
            raise UserError(f"{where}: tube is {row['tube'][:100]!r}, but must be 0 or 1")
        tubes[row["ImageId"].strip()] = int(row["tube"])
    return tubes


def _sample(
    images: Path,
    names: list[str],
    findings: Mapping[str, list[_Finding]],
    tubes: Mapping[str, int],
    index: int,
) -> Sample:
    name = names[index]
    image, remarks = read_photo(images / f"{name}.png")
    if max(image.size) > SIDE:
        raise UserError(
            f"{images / name}.png: is {image.width} x {image.height} pixels, but at most {SIDE} are known"
        )
    masks = [_at_size(_decoded(each), image) for each in findings[name]]
    label = int(bool(masks))
    marks = [Annotation("boxes", label, bounding_box(mask)) for mask in masks]
    marks += [Annotation("masks", label, np.logical_or.reduce(masks))] if masks else []
    group = 2 * label + tubes[name] if name in tubes else -1
    return Sample(image, frozenset({label}), tuple(marks), group, remarks)


def _decoded(finding: _Finding) -> Bool[np.ndarray, "1024 1024"]:
    words = finding.runs.split()
    if len(words) % 2 or not all(word.isascii() and word.isdigit() and len(word) < 9 for word in words):
        raise UserError(f"{finding.where}: EncodedPixels must be -1, or pairs of a start and a length")
    skipped, lengths = np.array(words, np.int64).reshape(-1, 2).T
    ends = (skipped + lengths).cumsum()
    if ends[-1] > SIDE**2 or not lengths.any():
        raise UserError(f"{finding.where}: runs to {ends[-1]}, but must cover some of {SIDE**2} pixels")
    steps = np.zeros(SIDE**2 + 1, np.int64)
    np.add.at(steps, ends - lengths, 1)
    np.add.at(steps, ends, -1)
    return (steps.cumsum()[:-1] > 0).reshape(SIDE, SIDE).T


def _at_size(mask: Bool[np.ndarray, "1024 1024"], image: Image.Image) -> Bool[np.ndarray, "height width"]:
    smaller = np.zeros(image.size[::-1], bool)
    down, across = np.nonzero(mask)
    smaller[down * image.height // SIDE, across * image.width // SIDE] = True
    return smaller
