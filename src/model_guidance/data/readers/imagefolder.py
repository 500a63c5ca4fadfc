"""Hugging Face's `imagefolder`: photos, perhaps in class folders, with a metadata file beside them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from model_guidance.data.checks import class_index, needed
from model_guidance.data.formats.annotated_file import Annotated
from model_guidance.data.formats.coco_json import decode
from model_guidance.data.marks import IGNORE, Mark, box
from model_guidance.data.readers.labelled import Remarks, check_distinct, labelled
from model_guidance.data.readers.listing import LeftOut, written_below
from model_guidance.data.source import Annotation, Source
from model_guidance.data.splitting import Photo, Shares, split_folders
from model_guidance.data.tables import rows
from model_guidance.errors import UserError
from model_guidance.files import is_file, read_bytes

LINES, TABLE = "metadata.jsonl", "metadata.csv"
LAYOUT = "ROOT, or ROOT/{train,validation,test}, must have a metadata.jsonl or metadata.csv"
Boxes = list[tuple[float, float, float, float]]


class _Objects(msgspec.Struct, gc=False):
    bbox: Boxes
    categories: list[str | int] = msgspec.field(default_factory=list)


class _Line(msgspec.Struct, gc=False):
    file_name: str
    label: str | int | None = None
    labels: list[str | int] | None = None
    objects: _Objects | None = None


_DECODER = msgspec.json.Decoder(_Line)


def read(
    root: Path,
    split: str,
    *,
    labels: str = "auto",
    validation: float = 0.15,
    test: float = 0.15,
    split_seed: int = 0,
) -> Source:
    """Read photos with the metadata that `datasets.load_dataset("imagefolder")` takes.

    Each folder of ROOT/{train,validation,test}, or ROOT itself, has a metadata.jsonl or metadata.csv whose
    rows have `file_name` and perhaps `label`, `labels` and `objects`: {"bbox": [[x, y, width, height], ...],
    "categories": [...]} in pixels. An image without `label` has those of its objects, or the name of its
    folder. Splits that are not there are drawn (`splitting`). Raises `UserError` for what is missing or
    defective, by its line.
    """
    shares = Shares(validation, test, split_seed)
    needed(root, LAYOUT)
    homes = split_folders(root)
    found = [(*entry, part) for part, home in homes.items() for entry in _entries(home)]
    photos = [_photo(line, where, part, homes[part], root) for line, where, part in found]
    check_distinct(photos, [where for _, where, _ in found])
    classes = sorted({each for photo in photos for each in photo.labels})
    numbers = {name: number for number, name in enumerate(classes)}

    def annotate(place: int, image: Image.Image) -> tuple[tuple[Annotation, ...], Remarks]:
        line, where, *_ = found[place]
        own = sorted(numbers[name] for name in photos[place].labels)

        def numbers_of(mark: Mark) -> Sequence[int]:
            if mark.ignored or (len(own) <= 1 and mark.label not in numbers):
                return own
            return [class_index(mark.label, numbers, mark.where)]

        return Annotated(where, list(_marks(line, where))).drawn(image, own, numbers_of)

    files = [home / name for home in homes.values() for name in (LINES, TABLE)]
    left_out = LeftOut()
    left_out.add_beside(root, homes.values(), root)
    return labelled(
        root,
        split,
        photos,
        classes,
        shares,
        labels=labels,
        annotate=annotate,
        files=files,
        remarks=left_out.remarks(),
    )


def _entries(home: Path) -> Iterator[tuple[_Line, str]]:
    """Yield each row of a folder's metadata with its place."""
    if is_file(home / LINES):
        for place, text in enumerate(read_bytes(home / LINES).splitlines(), start=1):
            if text.strip():
                where = f"{home / LINES} line {place}"
                yield decode(_DECODER, text, where, "the form of an imagefolder's metadata")[0], where
    elif is_file(home / TABLE):
        for where, row in rows(home / TABLE, ("file_name",)):
            yield _Line(row["file_name"], row.get("label")), where
    else:
        raise UserError(f"{home}: has no metadata; {LAYOUT}")


def _photo(line: _Line, where: str, part: str, home: Path, root: Path) -> Photo:
    name = Path(written_below(home, line.file_name, f"{where}: file_name"))
    given: Sequence[Any] = line.labels if line.labels is not None else [line.label]
    given = [each for each in given if each not in (None, "")]
    marked = map(str, line.objects.categories if line.objects else ())
    given = given or [each for each in marked if each.casefold() != IGNORE] or name.parts[-2:-1]
    if not given:
        raise UserError(f"{where}: {line.file_name} has no label, and lies in no folder that names its class")
    return Photo((home.relative_to(root) / name).as_posix(), frozenset(map(str, given)), part)


def _marks(line: _Line, where: str) -> Iterator[Mark]:
    if line.objects is None:
        return
    names = [*map(str, line.objects.categories), *[""] * len(line.objects.bbox)]
    for place, (x, y, width, height) in enumerate(line.objects.bbox):
        at = f"{where}, object {place + 1} ({line.file_name})"
        yield box(at, names[place], (x, y, x + width, y + height))
