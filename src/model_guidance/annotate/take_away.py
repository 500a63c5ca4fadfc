"""What a person takes along: the marks in other formats than the file itself."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import yaml

from model_guidance.annotate.marks_file import Marked
from model_guidance.annotate.shapes import Shape, categories
from model_guidance.data.marks import IGNORE
from model_guidance.report.escape import spreadsheet

DIGITS = 8


def as_csv(images: Mapping[str, Marked]) -> bytes:
    """Return the table that `--annotations` reads: a row for each region, of polygons the box around them."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["file", "label", "kind", "xmin", "ymin", "xmax", "ymax", "radius"])
    for name, marked in images.items():
        rows.writerows(
            [spreadsheet(name), spreadsheet(shape.label), *_cells(shape)] for shape in marked.shapes.values()
        )
    return text.getvalue().encode("utf-8", "surrogateescape")


def _cells(shape: Shape) -> list[object]:
    if shape.kind == "point" and not shape.ignored:
        (x, y), *_ = shape.points
        return ["point", x, y, "", "", shape.radius]
    return [IGNORE if shape.ignored else "box", *shape.edges, ""]


def as_yolo(images: Mapping[str, Marked], classes: Sequence[str]) -> bytes:
    """Return a ZIP with a text for each image and the classes' names; "ignore" is a class of its own."""
    numbers = categories(classes)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.yaml", yaml.safe_dump({"names": list(numbers)}, allow_unicode=True))
        for name, marked in images.items():
            lines = [_line(shape, marked.size, numbers) for shape in marked.shapes.values()]
            place = PurePosixPath("labels", *PurePosixPath(name).parts).with_suffix(".txt")
            archive.writestr(str(place), "\n".join(lines))
    return buffer.getvalue()


def _line(shape: Shape, size: tuple[int, int], numbers: Mapping[str, int]) -> str:
    width, height = size
    if shape.kind == "box":
        x1, y1, x2, y2 = shape.edges
        shares = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]
    else:
        shares = [each / size[place % 2] for place, each in enumerate(shape.outline)]
    return " ".join([str(numbers[shape.category]), *(f"{share:.{DIGITS}g}" for share in shares)])
