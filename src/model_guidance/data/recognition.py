"""Which data set a path is: the name of its reader, and what was seen there."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from model_guidance.data.formats.known import ARCHIVES, TABLES, format_of
from model_guidance.data.photos import suffixes
from model_guidance.data.splitting import homes
from model_guidance.data.tables import columns_of
from model_guidance.errors import UserError
from model_guidance.files import entries, is_file, is_folder, is_there

SEEN = 1000  # entries of a folder that are looked at
LISTED = ("labels.csv", "labels.tsv", "labels.parquet", "metadata.parquet")
METADATA = ("metadata.jsonl", "metadata.csv")
EDGES = {"xmin", "ymin", "xmax", "ymax"}


def recognised(path: Path) -> tuple[str, str]:
    """Return the name in `opening.DATASETS` of the reader for a file or folder, and what was seen there.

    Raises `UserError` for a path that is not there and for one that looks like no data set that is known.
    """
    if not is_there(path):
        raise UserError(f"--data {path}: does not exist")
    found = _file(path) if is_file(path) else _folder(path)
    if path.suffix.lower() in ARCHIVES and found is None:
        raise UserError(f"--data {path}: is an archive; unpack it, and give the folder")
    if found is None:
        inside = ", ".join(each.name for each in islice(entries(path), 5)) if is_folder(path) else "one file"
        raise UserError(
            f"--data {path}: is no data set that is known (there is {inside or 'nothing'}); "
            "docs/data.md says how photos may lie"
        )
    return found


def _file(path: Path) -> tuple[str, str] | None:
    if path.suffix.lower() in TABLES:
        regions = columns_of(path) >= EDGES
        return ("annotations", "a table of boxes") if regions else ("table", "a table of labels")
    if path.suffix in (".yaml", ".json", ".xml"):
        return "annotations", f"annotations ({'yolo' if path.suffix == '.yaml' else format_of(path)})"
    return None


def _folder(path: Path) -> tuple[str, str] | None:
    for name, seen, fits in (*RELEASES, *OWN):
        if fits(path):
            return name, seen
    return None


def _has(*places: str) -> Callable[[Path], bool]:
    return lambda path: any(is_there(path / place) for place in places)


def _is_imagefolder(path: Path) -> bool:
    return any(is_file(home / name) for home in homes(path) for name in METADATA)


def _is_export(path: Path) -> bool:
    """Tell whether the files of an annotation tool lie in a folder, or in those of its splits."""
    if is_file(path / "data.yaml") or is_folder(path / "labels"):
        return True
    return any(
        each.suffix in (".json", ".xml") for home in homes(path) for each in islice(entries(home), SEEN)
    )


def _is_classes(path: Path) -> bool:
    """Tell whether images lie in folders, which then name their classes."""
    folders = [each for each in islice(entries(homes(path)[0]), SEEN) if is_folder(each)]
    return any(_holds_images(each) for each in folders)


def _holds_images(folder: Path) -> bool:
    some = entries(folder)[:SEEN]
    return any(each.suffix.lower() in suffixes() for each in some) or any(
        _holds_images(each) for each in some if is_folder(each) and not each.is_symlink()
    )


Known = tuple[str, str, Callable[[Path], bool]]
RELEASES: tuple[Known, ...] = (
    ("waterbirds", "Waterbirds, as released", _has("CUB_200_2011/bounding_boxes.txt")),
    ("voc", "Pascal VOC 2007, as released", _has("VOCdevkit/VOC2007", "VOC2007/ImageSets", "ImageSets/Main")),
    ("coco", "MS COCO 2014, as released", _has("annotations/instances_train2014.json")),
    ("imagenet9", "ImageNet-9, as released", _has("original/train", "bg_challenge")),
    ("siim_acr", "SIIM-ACR, as released", _has("train-rle.csv", "stage_2_train.csv")),
)
OWN: tuple[Known, ...] = (
    ("imagefolder", "Hugging Face's imagefolder", _is_imagefolder),
    ("table", "photos with a table of labels", _has(*LISTED)),
    ("annotations", "photos with annotations", _is_export),
    ("folder", "a folder for each class", _is_classes),
)
