"""Photos whose classes are those of their annotations: exports of annotation tools."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from model_guidance.data.checks import class_index, needed
from model_guidance.data.formats.annotated_file import Annotated, AnnotatedFile
from model_guidance.data.formats.known import FORMATS, format_of
from model_guidance.data.formats.yolo import Yolo, images_of, labels_beside
from model_guidance.data.marks import IGNORE, Mark
from model_guidance.data.matching import Images
from model_guidance.data.readers.labelled import Remarks, labelled
from model_guidance.data.readers.listing import LeftOut, images_below, name_below
from model_guidance.data.readers.options import one_of
from model_guidance.data.source import Annotation, Source
from model_guidance.data.splitting import NAMES, Photo, Shares, split_folders
from model_guidance.errors import UserError, first_of
from model_guidance.files import entries, is_file, is_folder, is_there

LISTED = "data.yaml"
LAYOUT = (
    "a file of annotations beside its images, a folder with both, or one for each of train, valid and test; "
    "the images may lie in images/, the labels of YOLO in labels/"
)


@dataclass(frozen=True)
class _Part:
    """A file of annotations, the folder of its images, and the split that they are of ("": not said).

    `home` is the folder that is called like the split, if one is.
    """

    file: AnnotatedFile
    images: Path
    split: str
    home: Path | None = None


@dataclass
class _Found:
    """Photos, and what is said of each; beside them the images of which nothing says a class."""

    photos: list[Photo] = field(default_factory=list)
    said: list[Annotated | None] = field(default_factory=list)
    without: list[str] = field(default_factory=list)


def read(
    root: Path,
    split: str,
    *,
    labels: str = "auto",
    unlabelled: str = "left_out",
    validation: float = 0.15,
    test: float = 0.15,
    split_seed: int = 0,
) -> Source:
    """Read an export in COCO's, VOC's, YOLO's, Label Studio's or CVAT's format, or a table, as a data set.

    `root` is the file, or the folder with it and the images: as a whole, or a folder each for train, valid
    and test (Roboflow's layout, or YOLO's images/train and labels/train). The classes of an image are those
    of its annotations. An image without any is `unlabelled`: "left_out", since nobody said that it shows
    none of the classes, or "negative", which says so. `labels`: single, multi, or auto, which is single if
    each image has one class. Splits that are not there are drawn (`splitting`). Raises `UserError` for what
    is missing or defective, and for an annotation of an image that is not there.
    """
    shares = Shares(validation, test, split_seed)
    negative = one_of("unlabelled", unlabelled, ("left_out", "negative")) == "negative"
    parts = list(_parts(root))
    home = _home(root, parts)
    left_out, found = LeftOut(), _Found()
    for part in parts:
        _gather(part, home, negative, left_out, found)
    above = _above(root)
    homes = [each for part in parts if part.home for each in (part.home, part.images)]
    for each in (above, above / "labels", above / "images"):
        left_out.add_beside(each, homes, above)
    listed = dict.fromkeys(name for part in parts for name in part.file.classes)
    shown = {name for photo in found.photos for name in photo.labels}
    classes = (*(name for name in listed if name in shown), *sorted(shown - set(listed)))
    numbers = {name: number for number, name in enumerate(classes)}
    if not classes:
        raise UserError(f"{root}: no annotation names a class of an image; {LAYOUT}")

    def annotate(place: int, image: Image.Image) -> tuple[tuple[Annotation, ...], Remarks]:
        said = found.said[place]
        own = sorted(numbers[name] for name in found.photos[place].labels)

        def numbers_of(mark: Mark) -> Sequence[int]:
            return own if mark.ignored else [class_index(mark.label, numbers, mark.where)]

        return said.drawn(image, own, numbers_of) if said else ((), ())

    remarks = [remark for part in parts for remark in part.file.remarks]
    return labelled(
        home,
        split,
        found.photos,
        classes,
        shares,
        labels=labels,
        annotate=annotate,
        files=[file for part in parts for file in part.file.files],
        remarks=(*left_out.remarks(), *remarks, *_without(found.without, negative), *_absent(listed, shown)),
    )


def _home(root: Path, parts: Sequence[_Part]) -> Path:
    """Return the folder below which all images lie; a data.yaml may name folders elsewhere."""
    above = _above(root)
    if all(part.images.is_relative_to(above) for part in parts):
        return above
    return Path(os.path.commonpath([each.absolute() for each in (above, *(part.images for part in parts))]))


def _above(root: Path) -> Path:
    return root if is_folder(root) else root.parent


def _without(names: Sequence[str], negative: bool) -> Iterator[str]:
    if names:
        yield f"{len(names)} images without any annotation ({first_of(names)}) " + (
            "count as having none of the classes"
            if negative
            else "have no known class and were left out; --options.unlabelled negative: they show none"
        )


def _absent(listed: Iterable[str], shown: set[str]) -> Iterator[str]:
    """Say which classes the files list but annotate in no image; Roboflow's first one is such a class."""
    absent = [name for name in listed if name not in shown and name.casefold() != IGNORE]
    if absent:
        yield f"{len(absent)} classes that no image has were left out ({first_of(absent)})"


def _gather(part: _Part, root: Path, negative: bool, left_out: LeftOut, found: _Found) -> None:
    """Add the images of a part with what its file says of them."""
    folder = part.images if part.images.is_relative_to(root) else part.images.absolute()
    files = images_below(needed(folder, "the images must lie there"), root, left_out)
    names = [name_below(root, file) for file in files]
    known, said = Images(names), dict[str, Annotated]()
    for entry, name in enumerate(known.meant(part.file.images, part.file.path)):
        if name is None:
            raise UserError(f"{part.file.path}: the image {part.file.images[entry]} is not in {part.images}")
        if name in said:
            raise UserError(f"{part.file.path}: names the image {name} twice, but must once")
        said[name] = part.file.read(entry)
    for name in names:
        labels = frozenset(said[name].classes if name in said else ())
        if not labels:
            found.without.append(name)
        if labels or negative:
            found.photos.append(Photo(name, labels, part.split))
            found.said.append(said.get(name))


def _parts(root: Path) -> Iterator[_Part]:
    """Yield the file of annotations of each split, or the one of all."""
    needed(root, f"there must be {LAYOUT}")
    if is_file(root) and root.suffix != ".yaml":
        yield _Part(_opened(root), root.parent, "")
        return
    home = _above(root)
    listed = root if is_file(root) else home / LISTED
    several = [part for split in NAMES for part in _of_split(home, listed, split)]
    if several:
        yield from several
    else:
        file, images = _together(home)
        yield _Part(_opened(file), images, "")


def _of_split(home: Path, listed: Path, split: str) -> Iterator[_Part]:
    """Yield the annotations of one split: where data.yaml says, or in whichever layout they are there."""
    stated = images_of(listed, split, NAMES[split]) if is_file(listed) else None
    if stated and is_folder(labels_beside(stated)):
        yield _Part(Yolo(labels_beside(stated), listed), stated, split)
        return
    labels, images, own = (
        split_folders(each).get(split) for each in (home / "labels", home / "images", home)
    )
    if labels:
        yield _Part(_opened(labels), images or home / "images" / labels.name, split, labels)
    elif own:
        file, images = _together(own)
        yield _Part(_opened(file), images, split, own)


def _together(folder: Path) -> tuple[Path, Path]:
    """Return the annotations and the images of one folder."""
    images = folder / "images" if is_folder(folder / "images") else folder
    if is_folder(folder / "labels"):
        return folder / "labels", images
    files = [each for each in entries(folder) if each.suffix in (".json", ".xml") and is_file(each)]
    inner = folder / "annotations"
    if is_there(inner):
        return (inner if len(entries(inner)) != 1 else entries(inner)[0]), images
    return (files[0] if len(files) == 1 and not _is_voc(files[0]) else folder), images


def _is_voc(file: Path) -> bool:
    return format_of(file) == "voc"


def _opened(path: Path) -> AnnotatedFile:
    name = format_of(path)
    if name == "masks":
        raise UserError(
            f"{path}: masks alone say no class; give the labels by --data and these by --annotations"
        )
    return FORMATS[name](path)
