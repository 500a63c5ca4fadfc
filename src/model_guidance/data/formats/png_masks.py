"""Masks as images, called like the photos: of one object, of numbered classes, or a folder for each class."""

from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Shaped
from PIL import Image

from model_guidance.data.formats.annotated_file import Annotated, AnnotatedFile
from model_guidance.data.formats.yolo import names_in
from model_guidance.data.marks import Mark, Remarks, Size, mask
from model_guidance.data.photos import formats
from model_guidance.errors import UserError
from model_guidance.files import entries, is_file, is_folder, read_bytes

SUFFIXES = {".png", ".bmp", ".gif", ".tif", ".tiff"}  # not of JPEG: it blurs
CLASSES = "classes.txt"
VOID = 255
COLOURED = ("RGBA", "CMYK", "LA", "PA")  # modes whose values are not yet those of colours alone


class PngMasks(AnnotatedFile):
    """One of three layouts.

    FOLDER/NAME.png: what is not black is the object, of the image's class. With FOLDER/classes.txt the pixel
    value n (of a palette or gray image) is the class in its n-th line, 0 the background and 255 nothing.
    FOLDER/CLASS/NAME.png: what is not black is an object of this class.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        listed = path / CLASSES
        self._numbered = is_file(listed)
        folders = [each for each in entries(path) if is_folder(each) and not each.name.startswith(".")]
        self.classes = tuple(names_in(listed)) if self._numbered else tuple(each.name for each in folders)
        self._masks: dict[str, list[tuple[str, Path]]] = {}
        for folder in (path,) if self._numbered or not folders else folders:
            for file in entries(folder):
                if file.suffix.lower() in SUFFIXES and is_file(file):
                    label = "" if folder == path else folder.name
                    self._masks.setdefault(file.stem, []).append((label, file))
        self.images = list(self._masks)
        files = [file for each in self._masks.values() for _, file in each]
        self.files = (*files, listed) if self._numbered else tuple(files)

    def read(self, index: int) -> Annotated:
        """Return a mask for each class that one image has."""
        marks: list[Mark] = []
        for label, file in self._masks[self.images[index]]:
            values = _values(file, self._numbered)
            marks += self._of_classes(values, file) if self._numbered else [_mark(values > 0, label, file)]
        return Annotated(str(self._masks[self.images[index]][0][1]), marks)

    def _of_classes(self, values: Shaped[np.ndarray, "height width"], file: Path) -> list[Mark]:
        found = np.setdiff1d(values, [0, VOID])
        wrong = np.setdiff1d(found, range(1, 1 + len(self.classes)))
        if len(wrong):
            raise UserError(f"{file}: has the value {wrong[-1]}, but {CLASSES} names {len(self.classes)}")
        return [_mark(values == number, self.classes[int(number) - 1], file) for number in found]


def _mark(found: Bool[np.ndarray, "height width"], label: str, file: Path) -> Mark:
    def pixels(size: Size) -> tuple[Bool[np.ndarray, "height width"], Remarks]:
        if found.shape != size[::-1]:
            stated, needed = (f"{width} x {height}" for height, width in (found.shape, size[::-1]))
            raise UserError(f"{file}: is {stated} pixels, but its photo {needed}")
        return found, ()

    return mask(str(file), label, pixels)


def _values(file: Path, numbered: bool) -> Shaped[np.ndarray, "height width"]:
    """Return the values of gray, or of a palette of `numbered` classes; of colours the brightest."""
    coloured = COLOURED if numbered else (*COLOURED, "P")
    try:
        with Image.open(BytesIO(read_bytes(file)), formats=formats()) as image:
            seen = image.convert("RGBA").convert("RGB") if image.mode in coloured else image
            values = np.asarray(seen)
    except UserError:
        raise
    except Exception as error:  # Pillow's decoders raise a dozen types on damaged files
        raise UserError(f"{file}: no complete, readable image ({error}); replace or remove it") from error
    return values.max(axis=2) if values.ndim == 3 else values
