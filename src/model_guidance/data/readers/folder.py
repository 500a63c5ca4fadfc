"""Anyone's own data: a folder for each class, perhaps below train, val and test, and a table of regions."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

from model_guidance.data.checks import class_index, needed
from model_guidance.data.formats.table import RegionTable
from model_guidance.data.marks import Mark
from model_guidance.data.readers.labelled import Annotate, labelled, nothing
from model_guidance.data.readers.listing import (
    CLASSLESS,
    HIDDEN,
    LeftOut,
    images_below,
    is_litter,
    name_below,
)
from model_guidance.data.source import Annotation, Source
from model_guidance.data.splitting import Photo, Shares, split_folders
from model_guidance.errors import UserError, quoted
from model_guidance.files import entries, is_folder

LAYOUT = "images must lie in ROOT/{train,val,test}/CLASS/, or in ROOT/CLASS/"
TABLE = "regions.csv"


def read(
    root: Path, split: str, *, validation: float = 0.15, test: float = 0.15, split_seed: int = 0
) -> Source:
    """Read ROOT/{train,val,test}/CLASS/IMAGE, or ROOT/CLASS/IMAGE, and the regions of ROOT/regions.csv.

    The classes are the folders of ROOT/train or of ROOT, sorted by name; images may lie in folders of their
    own below them. Splits that are not there are drawn (`splitting`). The table is that of
    `formats.table`, if there is one: `file` is relative to ROOT (or absolute, and below it), and each row is
    of its image's class, if no column names another. What is no image is left out, with a remark. Raises
    `UserError` for a missing folder, an empty split, an unknown class, or a defective row and one that
    matches no image (by its line).
    """
    shares, left_out = Shares(validation, test, split_seed), LeftOut()
    homes = split_folders(root)
    first = _folders(needed(next(iter(homes.values())), LAYOUT))  # those of train, if it has a folder
    classes = {path.name: index for index, path in enumerate(first)}
    photos = [each for name, home in homes.items() for each in _photos(root, home, name, classes, left_out)]
    left_out.add_beside(root, homes.values(), root)
    if not photos:
        raise UserError(f"{root}: holds no images; {LAYOUT}")
    table = root / TABLE
    annotate = _annotations(root, table, photos, classes) if os.path.lexists(table) else nothing
    return labelled(
        root,
        split,
        photos,
        tuple(classes),
        shares,
        labels="single",
        annotate=annotate,
        files=(table,),
        remarks=left_out.remarks(),
    )


def _folders(path: Path) -> list[Path]:
    return [each for each in entries(path) if not is_litter(each.name) and is_folder(each)]


def _photos(
    root: Path, home: Path, split: str, classes: Mapping[str, int], left_out: LeftOut
) -> Iterator[Photo]:
    """Yield the images of one split, or of all, with the class in whose folder they lie."""
    for path in entries(home):
        if is_litter(path.name):
            left_out.add(HIDDEN, path, root)
        elif not is_folder(path):
            left_out.add(CLASSLESS, path, root)
        else:
            class_index(path.name, classes, str(path))
            labels = frozenset({path.name})
            for image in images_below(path, root, left_out):
                yield Photo(name_below(root, image), labels, split)


def _annotations(root: Path, table: Path, photos: Sequence[Photo], classes: Mapping[str, int]) -> Annotate:
    """Return what gives the rows of an image; `UserError` for a row that matches none."""
    marked = RegionTable(table)
    numbers = {photo.name: number for number, photo in enumerate(photos)}
    entries_of: defaultdict[int, list[int]] = defaultdict(list)
    for entry, written in enumerate(marked.images):
        name = _name(written, root)
        if name not in numbers:
            raise UserError(f"{marked.places[written]}: {quoted(written)} is no image of {root}; {LAYOUT}")
        entries_of[numbers[name]].append(entry)

    def annotate(number: int, image: Image.Image) -> tuple[tuple[Annotation, ...], tuple[str, ...]]:
        (own,) = photos[number].labels

        def numbers_of(mark: Mark) -> Sequence[int]:
            return [class_index(own if mark.ignored else mark.label or own, classes, mark.where)]

        said = [marked.read(entry) for entry in entries_of.get(number, ())]
        found = [each.drawn(image, [classes[own]], numbers_of) for each in said]
        return tuple(each for some, _ in found for each in some), tuple(s for _, seen in found for s in seen)

    return annotate


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
