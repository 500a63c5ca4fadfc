"""Photos listed in a table: one class, several classes, or a column for each class."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from model_guidance.data.formats.table import FILE, LABEL
from model_guidance.data.readers.labelled import check_distinct, labelled
from model_guidance.data.readers.listing import written_below
from model_guidance.data.source import Source
from model_guidance.data.splitting import SPLIT_OF, Photo, Shares
from model_guidance.data.tables import LISTED, rows
from model_guidance.errors import UserError, quoted
from model_guidance.files import is_folder, is_there

TABLES = ("labels.csv", "labels.tsv", "labels.parquet", "metadata.csv", "metadata.parquet")
SEPARATORS = (LISTED, ";")  # between the classes in one cell; a comma may be a part of a name


def read(
    root: Path,
    split: str,
    *,
    label: str | None = None,
    images: str | None = None,
    group: str | None = None,
    together: str | None = None,
    labels: str = "auto",
    validation: float = 0.15,
    test: float = 0.15,
    split_seed: int = 0,
) -> Source:
    """Read photos and their classes from a CSV or Parquet file.

    `root` is the table, or a folder with one called labels or metadata. The column `file` (or filename,
    image, path) names the images, below the folder `images`, or the table's own. `label` names the column of
    classes, by default label, class or category: one in a cell, or several, separated by | or ; or as a JSON
    list. Without such a column, or with several of them separated by commas, each column is a class, with 0
    or 1 in its cells. A column `split` may say train, val or test; splits that are not there are drawn, and
    images of which the column `together` (a patient, a film) is the same stay in one. `group` names the
    column of groups whose accuracy is of interest. An image without any class has none, if there are several.
    Raises `UserError` for a missing column or file and for a defective row, by its line.
    """
    shares, table = Shares(validation, test, split_seed), _table(root)
    home = table.parent if images is None else Path(images).expanduser()
    found = list(_rows(table, label, group, together))
    photos = [_photo(*each, home, label, group, together) for each in found]
    check_distinct(photos, [where for where, _ in found])
    classes = sorted({name for photo in photos for name in photo.labels})
    if not classes:
        raise UserError(f"{table}: no row names a class")
    version = f"table label={label} group={group}"
    return labelled(home, split, photos, classes, shares, labels=labels, files=(table,), version=version)


def _table(root: Path) -> Path:
    if not is_folder(root):
        return root
    found = [root / name for name in TABLES if is_there(root / name)]
    if len(found) != 1:
        raise UserError(
            f"{root}: has {len(found)} tables of labels, but must have one of {', '.join(TABLES)}"
        )
    return found[0]


def _rows(
    table: Path, label: str | None, group: str | None, together: str | None
) -> Iterator[tuple[str, dict[str, str]]]:
    named = [each for each in (group, together) if each]
    own = label.split(",") if label else []
    aliases = {other: name for other, name in (FILE | LABEL).items() if other not in (*own, *named)}
    yield from rows(table, ("file", *own, *named), aliases)


def _photo(
    where: str,
    row: Mapping[str, str],
    home: Path,
    label: str | None,
    group: str | None,
    together: str | None,
) -> Photo:
    part = row.get("split", "").strip().casefold()
    if part and part not in SPLIT_OF:
        raise UserError(f"{where}: split is {quoted(part)}, but must be train, val or test")
    return Photo(
        written_below(home, row["file"].strip(), f"{where}: file"),
        frozenset(_classes(row, label, group, together, where)),
        SPLIT_OF.get(part, ""),
        row[group].strip() if group else "",
        row[together].strip() if together else "",
    )


def _classes(
    row: Mapping[str, str], label: str | None, group: str | None, together: str | None, where: str
) -> Sequence[str]:
    """Return the classes of one row."""
    if label and "," not in label:
        return _listed(row[label])
    if label is None and "label" in row:
        return _listed(row["label"])
    rest = {"file", "split", group, together}
    columns = label.split(",") if label else [each for each in row if each not in rest]
    for each in columns:
        if row[each].strip() not in ("0", "1"):
            raise UserError(
                f"{where}: {each} is {quoted(row[each])}, but must be 0 or 1; or name the column of classes "
                "with --options.label"
            )
    return [each for each in columns if row[each].strip() == "1"]


def _listed(cell: str) -> Sequence[str]:
    """Return the classes in a cell: a JSON list, or texts between separators."""
    text = cell.strip()
    if text.startswith("["):
        try:
            return [str(each) for each in json.loads(text.replace("'", '"'))]
        except (ValueError, RecursionError):
            return [text]
    separator = next((each for each in SEPARATORS if each in text), None)
    names = text.split(separator) if separator else [text]
    return [name.strip() for name in names if name.strip()]
