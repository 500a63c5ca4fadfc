"""All formats of annotations by name, and which of them a file or folder is in."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from model_guidance.data.checks import needed
from model_guidance.data.formats.annotated_file import AnnotatedFile
from model_guidance.data.formats.coco import Coco
from model_guidance.data.formats.cvat import Cvat
from model_guidance.data.formats.label_studio import LabelStudio
from model_guidance.data.formats.png_masks import SUFFIXES, PngMasks
from model_guidance.data.formats.table import RegionTable
from model_guidance.data.formats.voc import Voc
from model_guidance.data.formats.yolo import RESERVED, Yolo
from model_guidance.errors import UserError
from model_guidance.files import check_file, entries, is_folder

FORMATS: Mapping[str, Callable[[Path], AnnotatedFile]] = {
    "coco": Coco,
    "voc": Voc,
    "yolo": Yolo,
    "label_studio": LabelStudio,
    "cvat": Cvat,
    "masks": PngMasks,
    "table": RegionTable,
}
TABLES = (".csv", ".tsv", ".parquet")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
HEAD = 4096  # bytes of a file that tell its format
SEEN = 10_000  # files of a folder that are looked at
ANY = (
    "COCO (.json), Label Studio (.json), CVAT (.xml), Pascal VOC (.xml, a file or a folder), YOLO (a folder "
    "of .txt), a folder of masks, or a table (.csv, .parquet)"
)


def open_annotations(path: Path) -> AnnotatedFile:
    """Read a file or folder of annotations in whichever format it is; `UserError` if it is in none."""
    return FORMATS[format_of(needed(path, f"there must be regions in it: {ANY}"))](path)


def format_of(path: Path) -> str:
    """Return the name of the format that a file or folder is in; raises `UserError` if it is in none."""
    found = _of_folder(path) if is_folder(path) else _of_file(path)
    if found is None and path.suffix.lower() in ARCHIVES:
        raise UserError(f"{path}: is an archive; unpack it, and give what lies in it")
    if found is None:
        raise UserError(f"{path}: is in no format of annotations that is known; there are {ANY}")
    return found


def _of_file(path: Path) -> str | None:
    check_file(path)
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return "table"
    if suffix == ".json":
        return "coco" if _begins_with(path, rb"[\s\xef\xbb\xbf]*\{") else "label_studio"
    if suffix == ".xml":
        return "cvat" if _begins_with(path, rb"[^\0]*<annotations\b") else "voc"
    return "yolo" if suffix == ".txt" else None


def _begins_with(path: Path, pattern: bytes) -> bool:
    with path.open("rb") as file:
        return re.match(pattern, file.read(HEAD)) is not None


def _of_folder(path: Path) -> str | None:
    """Return what the files in a folder are: XML of VOC, texts of YOLO, or masks, perhaps by class."""
    files = [each for each in entries(path)[:SEEN] if not each.name.startswith(".")]
    suffixes = {each.suffix.lower() for each in files if each.name.lower() not in RESERVED}
    if ".xml" in suffixes:
        return "voc"
    if ".txt" in suffixes:
        return "yolo"
    below = [each for folder in files if is_folder(folder) for each in entries(folder)[:SEEN]]
    masks = (suffixes | {each.suffix.lower() for each in below}) & SUFFIXES
    return "masks" if masks else None
