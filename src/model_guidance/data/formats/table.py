"""A table of regions: a row for each box, point, or box to ignore."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from model_guidance.data.formats.annotated_file import Annotated, AnnotatedFile
from model_guidance.data.marks import IGNORE, Mark, box, points
from model_guidance.data.tables import rows
from model_guidance.errors import UserError, quoted

FILE = dict.fromkeys(("filename", "file_name", "image", "image_path", "path"), "file")
LABEL = dict.fromkeys(("class", "category"), "label")  # what tools call these columns
EDGES = ("xmin", "ymin", "xmax", "ymax")
POINT = ("xmin", "ymin", "radius")
KINDS = ("", "box", "ignore", "point")


class RegionTable(AnnotatedFile):
    """CSV or Parquet with the columns `file,xmin,ymin,xmax,ymax` and perhaps `label`, `kind`, `radius`.

    The edges are 0-based pixels, so that a box over the whole image is 0,0,width,height. `kind` says what a
    row is: box, ignore (a box whose inside must not be used) or point, which lies at xmin,ymin and has a
    `radius` (xmax and ymax stay empty). Without `label`, each row belongs to its image's class.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.files = path, (path,)
        self._marks: defaultdict[str, list[Mark]] = defaultdict(list)
        self.places: dict[str, str] = {}
        named: dict[str, None] = {}
        for where, row in rows(path, ("file", *EDGES), FILE | LABEL):
            name = row["file"].strip()
            mark = _mark(row, where, name)
            self._marks[name].append(mark)
            self.places.setdefault(name, where)
            named |= {mark.label: None} if mark.label and not mark.ignored else {}
        self.images, self.classes = list(self._marks), tuple(named)

    def read(self, index: int) -> Annotated:
        """Return the rows of one image."""
        name = self.images[index]
        return Annotated(self.places[name], self._marks[name])


def _mark(row: Mapping[str, str], where: str, name: str) -> Mark:
    word = row.get("kind", "").strip().lower()
    if word not in KINDS:
        raise UserError(f"{where}: kind is {quoted(word)}, but must be box, ignore or point")
    wanted = POINT if word == "point" else EDGES
    try:
        numbers = tuple(float(row.get(each, "")) for each in wanted)
    except ValueError:
        found = ", ".join(f"{each}={quoted(row.get(each))}" for each in wanted)
        raise UserError(f"{where}: {found}, but each must be a number") from None
    label = row.get("label", "").strip()
    if word == "point":
        return points(f"{where} ({name})", label, numbers[:2], numbers[2])
    return box(f"{where} ({name})", IGNORE if word == IGNORE else label, numbers)
