"""Where in a COCO file the annotations of each image stand, so that they need not stay in memory.

The whole file is parsed and checked once; what is kept of an annotation is its place in the file.
"""

import codecs
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import numpy as np
from jaxtyping import Int

from model_guidance.data.formats.coco_json import decode, identity
from model_guidance.errors import UserError, first_of, quoted
from model_guidance.files import read_bytes

Identity = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
Pixels = Annotated[int, msgspec.Meta(ge=1, le=2**31)]


class Picture(msgspec.Struct, frozen=True, gc=False):
    """One entry of `images`; width and height are in pixels."""

    id: Identity
    file_name: str
    width: Pixels
    height: Pixels


class Annotation(msgspec.Struct, frozen=True, gc=False):
    """One entry of `annotations`; `bbox` is x, y, width, height in pixels, origin 0."""

    id: Identity
    image_id: Identity
    category_id: Identity
    bbox: tuple[float, float, float, float]
    segmentation: msgspec.Raw = msgspec.Raw(b"[]")

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """The box as x1, y1, x2, y2."""
        x, y, width, height = self.bbox
        return x, y, x + width, y + height


class _Category(msgspec.Struct, frozen=True, gc=False):
    id: Identity
    name: str


class _File(msgspec.Struct, gc=False):
    images: list[Picture]
    annotations: list[msgspec.Raw]
    categories: list[_Category]


@dataclass(frozen=True)
class Index:
    """A COCO file: its pictures by id, and the bytes [start, start + length) of each annotation.

    The annotations of picture p are `first[p]` to `first[p + 1]`; `labels` is category id -> class. `remarks`
    say what is odd: images or annotations that are listed twice.
    """

    file: Path
    classes: tuple[str, ...]
    labels: dict[int, int]
    pictures: list[Picture]
    first: Int[np.ndarray, "pictures+1"]
    starts: Int[np.ndarray, "annotations"]
    lengths: Int[np.ndarray, "annotations"]
    remarks: tuple[str, ...]

    def annotations(self, picture: int) -> list[Annotation]:
        """Read the annotations of one picture (by its position) from the file."""
        chosen = slice(self.first[picture], self.first[picture + 1])
        with self.file.open("rb") as content:
            places = zip(self.starts[chosen], self.lengths[chosen], strict=True)
            return [_annotation(_read(content, start, length), self.file) for start, length in places]


def index_file(file: Path) -> Index:
    """Parse and check a COCO file; raise `UserError` naming the file and, where known, the annotation."""
    data = read_bytes(file)
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    content, data = decode(_FILE, data[mark:], str(file))
    categories = sorted(content.categories, key=lambda category: category.id)
    pictures = sorted(content.images, key=lambda picture: picture.id)
    _check_distinct(file, categories, pictures)
    labels = {category.id: label for label, category in enumerate(categories)}
    positions = {picture.id: position for position, picture in enumerate(pictures)}
    annotations = (_annotation(bytes(raw), file) for raw in content.annotations)
    owned = [(each.id, _owner(each, file, positions, labels)) for each in annotations]
    identities, owners = np.array(owned, np.int64).reshape(-1, 2).T
    order = np.argsort(owners, kind="stable")
    origin = _address(data) - mark
    starts = np.array([_address(raw) - origin for raw in content.annotations], np.int64)
    lengths = np.array([len(memoryview(raw)) for raw in content.annotations], np.int32)
    first = np.searchsorted(owners[order], np.arange(len(pictures) + 1))
    classes = tuple(category.name for category in categories)
    remarks = (
        *_remarks(file, "annotations with the id", identities.tolist()),
        *_remarks(file, "images with the file_name", [picture.file_name for picture in pictures]),
    )
    return Index(file, classes, labels, pictures, first, starts[order], lengths[order], remarks)


def _check_distinct(file: Path, categories: list[_Category], pictures: list[Picture]) -> None:
    if not categories:
        raise UserError(f"{file}: has no categories, but each class must be one")
    owned = {"categories": [each.id for each in categories], "images": [each.id for each in pictures]}
    for what, ids in owned.items():
        for twice in _repeated(ids):
            raise UserError(f"{file}: has two {what} with the id {twice}, but each must have its own")
    for name in _repeated([category.name for category in categories]):
        both = " and ".join(str(category.id) for category in categories if category.name == name)
        raise UserError(
            f"{file}: the categories {both} are both called {quoted(name)}, but names must differ"
        )


def _remarks(file: Path, what: str, values: Sequence[int | str]) -> tuple[str, ...]:
    found = _repeated(values)
    return (f"{file}: several {what} {first_of(found)}; each counts",) if found else ()


def _repeated(values: Sequence[int | str]) -> list[int | str]:
    return [value for value, count in Counter(values).items() if count > 1]


def _owner(annotation: Annotation, file: Path, positions: dict[int, int], labels: dict[int, int]) -> int:
    where = f"{file}, annotation {annotation.id}"
    if annotation.category_id not in labels:
        raise UserError(f"{where}: no category has the id {annotation.category_id}")
    if annotation.image_id not in positions:
        raise UserError(f"{where}: no image has the id {annotation.image_id}")
    return positions[annotation.image_id]


def _address(buffer: bytes | msgspec.Raw) -> int:
    return np.frombuffer(buffer, np.uint8).__array_interface__["data"][0]


def _read(content: BinaryIO, start: int, length: int) -> bytes:
    content.seek(start)
    return content.read(length)


_FILE, _ANNOTATION = msgspec.json.Decoder(_File), msgspec.json.Decoder(Annotation)


def _annotation(data: bytes, file: Path) -> Annotation:
    return decode(_ANNOTATION, data, f"{file}, annotation {identity(data) or 'without id'}")[0]
