"""PASCAL VOC 2007: objects in XML, some images with a segmentation."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image

from model_guidance.data.checks import check_box, check_size, class_index, needed
from model_guidance.data.formats.voc import voc_edges
from model_guidance.data.photos import formats, read_photo
from model_guidance.data.readers.options import check_flag, check_split
from model_guidance.data.source import Sample, Source, annotated
from model_guidance.data.xml import number, read_xml
from model_guidance.errors import UserError, shortened
from model_guidance.files import is_there, read_bytes, read_text

# fmt: off
CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
INDEX = {name: index for index, name in enumerate(CLASSES)}
VOID = 255
REMEDY = "put the official VOCdevkit there, or let torchvision download it (--options.download true)"


@dataclass(frozen=True)
class _Object:
    where: str
    label: int
    box: tuple[float, float, float, float]
    difficult: bool


def read(root: Path, split: str, *, difficult: bool = True, download: bool = False) -> Source:
    """Read one split of VOC 2007, as published.

    `root` is VOC2007, VOCdevkit, or the folder that holds it. Boxes are 1-based and inclusive in the XML;
    here they are pixel edges. `difficult` objects count as label and region alike, or as neither: without
    them, a class that is only difficult in an image loses its segmentation mask too. With `download`, the
    release is fetched when it is not there. Raises `UserError` when a file is missing or defective.
    """
    check_split(split)
    check_flag("difficult", difficult)
    check_flag("download", download)
    if download:
        _download(root, split)
    home = _home(root)
    listed = needed(home / "ImageSets" / "Main" / f"{split}.txt", REMEDY)
    names = [line.split()[0] for line in read_text(listed).splitlines() if line.strip()]
    for folder in ("JPEGImages", "Annotations"):
        needed(home / folder, REMEDY)
    pattern = ("JPEGImages/{}.jpg", "Annotations/{}.xml", "SegmentationClass/{}.png")
    files = (listed, *(home / each.format(name) for name in names for each in pattern))
    return Source(
        CLASSES, names, partial(_sample, home, names, difficult), files, f"voc difficult={difficult}"
    )


def _home(root: Path) -> Path:
    candidates = (root / "VOCdevkit" / "VOC2007", root / "VOC2007", root)
    return next((home for home in candidates if is_there(home / "ImageSets")), candidates[0])


def _download(root: Path, split: str) -> None:
    if is_there(_home(root) / "ImageSets" / "Main" / f"{split}.txt"):
        return
    from torchvision.datasets import VOCDetection  # noqa: PLC0415 - only a download needs it

    above = {"VOCdevkit": root.parent, "VOC2007": root.parent.parent}.get(root.name, root)
    image_set = "test" if split == "test" else "trainval"
    try:
        VOCDetection(above, year="2007", image_set=image_set, download=True)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"--options.download true: VOC 2007 {image_set} could not be downloaded to {above} ({error})"
        ) from error


def _sample(home: Path, names: list[str], difficult: bool, index: int) -> Sample:
    name = names[index]
    image, seen = read_photo(home / "JPEGImages" / f"{name}.jpg")
    named = list(_objects(home / "Annotations" / f"{name}.xml", image))
    kept = [item for item in named if difficult or not item.difficult]
    checked = [check_box(item.box, image.size, item.where) for item in kept]
    labels = frozenset(item.label for item in kept)
    boxes = annotated("boxes", ((item.label, box) for item, (box, _) in zip(kept, checked, strict=True)))
    masks = _masks(home / "SegmentationClass" / f"{name}.png", image, labels)
    cuts = tuple(text for _, remarks in checked for text in remarks)
    return Sample(image, labels, boxes + annotated("masks", masks), remarks=seen + cuts)


def _objects(path: Path, image: Image.Image) -> Iterator[_Object]:
    tree = read_xml(needed(path, REMEDY))
    size = tree.find("size")
    if size is not None:
        stated = (number(size.findtext(side), f"<{side}>", path) for side in ("width", "height"))
        check_size(image, (next(stated), next(stated)), str(path))
    for place, node in enumerate(tree.findall("object"), start=1):
        name = (node.findtext("name") or "").strip()
        where = f"{path}, object {place} ({shortened(name)})"
        label = class_index(name, INDEX, where)
        yield _Object(where, label, voc_edges(node, where), node.findtext("difficult", "0").strip() == "1")


def _masks(
    path: Path, image: Image.Image, labels: frozenset[int]
) -> tuple[tuple[int, Bool[np.ndarray, "height width"]], ...]:
    if not is_there(path):
        return ()
    try:
        with Image.open(BytesIO(read_bytes(path)), formats=formats()) as palette:
            values = np.asarray(palette)
    except Exception as error:  # as in read_photo
        raise UserError(f"{path}: no complete, readable image ({error}); replace or remove it") from error
    if values.shape != image.size[::-1]:
        raise UserError(
            f"{path}: has the shape {values.shape}, but must be a palette image as large as its photo"
        )
    if not set(np.unique(values)) <= {*range(len(CLASSES) + 1), VOID}:
        raise UserError(f"{path}: has palette values other than 0 to {len(CLASSES)} and {VOID}")
    masks = ((label, values == label + 1) for label in sorted(labels))
    return tuple((label, mask) for label, mask in masks if mask.any())
