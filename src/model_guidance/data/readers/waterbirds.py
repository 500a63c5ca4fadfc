"""Waterbirds: birds of CUB pasted onto land or water, with a background that misleads."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from model_guidance.data.checks import check_box, needed
from model_guidance.data.photos import read_photo
from model_guidance.data.readers.options import SPLITS, check_split, one_of
from model_guidance.data.source import Sample, Source, annotated
from model_guidance.data.tables import rows
from model_guidance.errors import UserError, quoted
from model_guidance.files import read_text

IMAGES = {1.0: "waterbird_1.0_forest2water2", 0.95: "waterbird_complete95_forest2water2"}
BOXES = Path("CUB_200_2011") / "bounding_boxes.txt"
COLUMNS = ("img_id", "img_filename", "y", "split", "place")
CLASSES = {"conventional": ("landbird", "waterbird"), "reversed": ("land", "water")}
GROUPS = ("landbird on land", "landbird on water", "waterbird on land", "waterbird on water")


@dataclass(frozen=True)
class _Row:
    identity: str
    name: str
    bird: int
    place: int
    split: int

    @property
    def group(self) -> int:
        return 2 * self.bird + self.place


def read(
    root: Path,
    split: str,
    *,
    correlation: float = 1.0,
    task: str = "conventional",
    validation: str = "seen",
    training: str = "biased",
) -> Source:
    """Read one split of Waterbirds.

    `correlation` is that of bird and place in training. 1.0: Waterbirds-100, of whose four groups training
    has two (Petryk et al., 2022); 0.95: Waterbirds-95, the release of Sagawa et al. (2020), with all four.
    `task` "conventional": the label is the bird, its evidence lies in the box; "reversed": the label is the
    place, its evidence lies outside the box. `validation` "seen" keeps only the validation images of groups
    that occur in training (the paper's protocol), "all" keeps every one. `training` "mixed" trains on the
    validation images of all four groups instead: what a model that learns from them reaches is the
    ceiling. The groups are 2 * bird + place in the order of `GROUPS`; their `shares` are those of the biased
    training set, whatever is trained on. Boxes that reach past the image are cut, with a remark. Raises
    `UserError` when a file is missing or defective.
    """
    check_split(split)
    classes = CLASSES[one_of("task", task, tuple(CLASSES))]
    one_of("validation", validation, ("seen", "all"))
    one_of("training", training, ("biased", "mixed"))
    home = root / _folder(correlation)
    table = needed(home / "metadata.csv", f"unpack {home.name} of the Waterbirds release into {root}")
    listed = needed(root / BOXES, f"unpack CUB_200_2011, of which the boxes come, into {root}")
    birds, boxes = [_row(*each) for each in rows(table, COLUMNS)], _boxes(listed)
    mixed = split == "train" and training == "mixed"
    chosen = _of_split(birds, "val" if mixed else split, keep_all=mixed or validation == "all")
    sample = partial(_sample, home, chosen, boxes, task == "reversed")
    # What does not change this split is left out: a ceiling shares the copies of the images it is tested on.
    kept = validation if split == "val" else "seen"
    trained = training if split == "train" else "biased"
    version = f"waterbirds 2 {split} {correlation:g} {task} {kept} {trained}"
    names = [row.name for row in chosen]
    files = (table, listed, *(home / name for name in names))
    shares, outside = _shares(birds), task == "reversed"
    return Source(
        classes, names, sample, files, version, GROUPS, exclusive=True, outside=outside, shares=shares
    )


def _folder(correlation: object) -> str:
    if isinstance(correlation, bool) or correlation not in IMAGES:
        known = ", ".join(f"{each:g}" for each in IMAGES)
        raise UserError(f"--options.correlation {correlation}: must be one of {known}")
    return IMAGES[float(str(correlation))]


def _shares(birds: list[_Row]) -> tuple[float, ...]:
    counts = Counter(row.group for row in birds if row.split == SPLITS.index("train"))
    return tuple(counts[group] / counts.total() for group in range(len(GROUPS))) if counts else ()


def _of_split(birds: list[_Row], split: str, keep_all: bool) -> list[_Row]:
    seen = {row.group for row in birds if row.split == SPLITS.index("train")}
    chosen = [row for row in birds if row.split == SPLITS.index(split)]
    return [row for row in chosen if split != "val" or keep_all or row.group in seen]


def _row(where: str, row: dict[str, str]) -> _Row:
    bird, place, split = row["y"], row["place"], row["split"]
    if bird not in ("0", "1") or place not in ("0", "1") or split not in ("0", "1", "2"):
        found = f"y={bird}, place={place}, split={split}"
        raise UserError(f"{where}: {found}, but y and place must be 0 or 1, and split 0, 1 or 2")
    return _Row(row["img_id"], row["img_filename"], int(bird), int(place), int(split))


def _boxes(listed: Path) -> dict[str, tuple[float, ...]]:
    boxes: dict[str, tuple[float, ...]] = {}
    for number, line in enumerate(read_text(listed).splitlines(), start=1):
        where = f"{listed} line {number}"
        try:
            identity, *numbers = line.split()
            x, y, width, height = map(float, numbers)
        except ValueError:
            raise UserError(
                f"{where}: {quoted(line)}, but must be an image id and x y width height"
            ) from None
        if identity in boxes:
            raise UserError(f"{where}: the image {identity} has a box already, but must have one")
        boxes[identity] = (x, y, x + width, y + height)
    return boxes


def _sample(
    home: Path, birds: list[_Row], boxes: dict[str, tuple[float, ...]], by_place: bool, index: int
) -> Sample:
    row = birds[index]
    path = home / row.name
    image, seen = read_photo(path)
    if row.identity not in boxes:
        raise UserError(f"{home.parent / BOXES}: has no box for the image {row.identity} ({row.name})")
    box, cut = check_box(boxes[row.identity], image.size, f"{path}, bird")
    label = row.place if by_place else row.bird
    return Sample(
        image, frozenset({label}), annotated("boxes", [(label, box)]), group=row.group, remarks=seen + cut
    )
