"""Where in a COCO file the annotations of each image stand, so that they need not stay in memory.

The whole file is parsed and checked once; what is kept of an annotation is its place in the file.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from jaxtyping import Int

from model_guidance.errors import UserError


class Picture(msgspec.Struct, frozen=True, gc=False):
    """One entry of `images`; width and height are in pixels."""

    id: int
    file_name: str
    width: int
    height: int


class Annotation(msgspec.Struct, frozen=True, gc=False):
    """One entry of `annotations`; `bbox` is x, y, width, height in pixels, origin 0."""

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: msgspec.Raw = msgspec.Raw(b"[]")

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """The box as x1, y1, x2, y2."""
        x, y, width, height = self.bbox
        return x, y, x + width, y + height


class _Category(msgspec.Struct, frozen=True, gc=False):
    id: int
    name: str


class _File(msgspec.Struct, gc=False):
    images: list[Picture]
    annotations: list[msgspec.Raw]
    categories: list[_Category]


@dataclass(frozen=True)
class Index:
    """A COCO file: its pictures by id, and the bytes [start, start + length) of each annotation.

    The annotations of picture p are `first[p]` to `first[p + 1]`; `labels` is category id -> class.
    """

    file: Path
    classes: tuple[str, ...]
    labels: dict[int, int]
    pictures: list[Picture]
    first: Int[np.ndarray, "pictures+1"]
    starts: Int[np.ndarray, "annotations"]
    lengths: Int[np.ndarray, "annotations"]

    def annotations(self, picture: int) -> list[Annotation]:
        """Read the annotations of one picture (by its position) from the file."""
        chosen = slice(self.first[picture], self.first[picture + 1])
        with self.file.open("rb") as content:
            places = zip(self.starts[chosen], self.lengths[chosen], strict=True)
            return [_annotation(_read(content, start, length), self.file) for start, length in places]


def index_file(file: Path) -> Index:
    """Parse and check a COCO file; raise `UserError` naming the file and, where known, the annotation."""
    data = file.read_bytes()
    content = _parse(data, file)
    categories = sorted(content.categories, key=lambda category: category.id)
    labels = {category.id: label for label, category in enumerate(categories)}
    pictures = sorted(content.images, key=lambda picture: picture.id)
    positions = {picture.id: position for position, picture in enumerate(pictures)}
    if len(positions) < len(pictures) or len(labels) < len(categories):
        raise UserError(f"{file} has two images or two categories with the same id.")
    owners = np.array([_owner(raw, file, positions, labels) for raw in content.annotations], np.int64)
    order = np.argsort(owners, kind="stable")
    origin = _address(data)
    starts = np.array([_address(raw) - origin for raw in content.annotations], np.int64)
    lengths = np.array([len(memoryview(raw)) for raw in content.annotations], np.int32)
    first = np.searchsorted(owners[order], np.arange(len(pictures) + 1))
    classes = tuple(category.name for category in categories)
    return Index(file, classes, labels, pictures, first, starts[order], lengths[order])


def _parse(data: bytes, file: Path) -> _File:
    try:
        return msgspec.json.decode(data, type=_File)
    except msgspec.ValidationError as error:
        raise UserError(f"{file} is not in COCO's format ({error}).") from error
    except msgspec.DecodeError as error:
        raise UserError(f"{file} is not valid JSON{_near(data, str(error))} ({error}).") from error


def _near(data: bytes, error: str) -> str:
    found = re.search(r"\(byte (\d+)\)", error)
    position = int(found[1]) if found else len(data)
    identity = _identity(data[max(data.rfind(b"{", 0, position), 0) : data.find(b"}", position)])
    return f" in or after the entry with id {identity}" if identity else ""


def _identity(text: bytes) -> str | None:
    found = re.search(rb'"id"\s*:\s*([^,}\s]+)', text)
    return found[1].decode(errors="replace") if found else None


def _owner(raw: msgspec.Raw, file: Path, positions: dict[int, int], labels: dict[int, int]) -> int:
    annotation = _annotation(raw, file)
    if annotation.category_id not in labels:
        raise UserError(
            f"{file}, annotation {annotation.id}: no category has the id {annotation.category_id}."
        )
    if annotation.image_id not in positions:
        raise UserError(f"{file}, annotation {annotation.id}: no image has the id {annotation.image_id}.")
    return positions[annotation.image_id]


def _address(buffer: bytes | msgspec.Raw) -> int:
    return np.frombuffer(buffer, np.uint8).__array_interface__["data"][0]


def _read(content: BinaryIO, start: int, length: int) -> bytes:
    content.seek(start)
    return content.read(length)


_DECODER = msgspec.json.Decoder(Annotation)


def _annotation(raw: msgspec.Raw | bytes, file: Path) -> Annotation:
    try:
        return _DECODER.decode(raw)
    except msgspec.DecodeError as error:
        raise UserError(f"{file}, annotation {_identity(bytes(raw)) or 'without id'}: {error}.") from error
