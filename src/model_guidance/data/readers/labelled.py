"""Anyone's own photos with their labels: what all layouts of them have in common."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from model_guidance.data.photos import read_photo
from model_guidance.data.readers.options import check_split, one_of
from model_guidance.data.source import Annotation, Sample, Source
from model_guidance.data.splitting import Photo, Shares, divided
from model_guidance.errors import UserError

Remarks = tuple[str, ...]
Annotate = Callable[[int, Image.Image], tuple[tuple[Annotation, ...], Remarks]]


def nothing(_: int, __: Image.Image) -> tuple[tuple[Annotation, ...], Remarks]:
    """Return no annotations."""
    return (), ()


def labelled(
    root: Path,
    split: str,
    photos: Sequence[Photo],
    classes: Sequence[str],
    shares: Shares,
    *,
    labels: str = "auto",
    annotate: Annotate = nothing,
    files: Sequence[Path] = (),
    remarks: Remarks = (),
    version: str = "",
) -> Source:
    """Return one split of the photos; `annotate(i, image)` gives the annotations of photo i, and remarks.

    `labels`: single, multi, or auto, which is single if each photo has one class. `version` stands for the
    reader's own options. Raises `UserError` for photos of several classes or none where each must have one,
    and for a split without photos.
    """
    check_split(split)
    exclusive = _exclusive(photos, labels, root)
    try:
        found, drawn = divided(photos, shares)
    except UserError as error:
        raise UserError(f"{root}: {error}") from error
    chosen = [place for place, each in enumerate(found) if each == split]
    if not chosen:
        detail = f" ({drawn})" if drawn else ""
        raise UserError(f"{root}: the split {split} has no image, but must have at least one{detail}")
    groups = tuple(sorted({each.group for each in photos} - {""}))
    names = [photos[place].name for place in chosen]
    sample = partial(_sample, root, photos, chosen, list(classes), groups, annotate)
    return Source(
        tuple(classes),
        names,
        sample,
        (*(root / name for name in names), *files),
        f"labelled {shares} {labels} {version}".strip(),
        groups,
        exclusive=exclusive,
        remarks=(*remarks, drawn) if drawn else remarks,
        others=[photo.name for photo, part in zip(photos, found, strict=True) if part != split],
    )


def check_distinct(photos: Sequence[Photo], places: Sequence[str]) -> None:
    """Raise `UserError` for an image that is named twice; `places` are the file and the line of each."""
    seen: dict[str, str] = {}
    for photo, where in zip(photos, places, strict=True):
        if photo.name in seen:
            raise UserError(
                f"{where}: names {photo.name} again, after {seen[photo.name]}; each image has one row"
            )
        seen[photo.name] = where


def _exclusive(photos: Sequence[Photo], labels: str, root: Path) -> bool:
    other = next((each for each in photos if len(each.labels) != 1), None)
    if one_of("labels", labels, ("auto", "single", "multi")) == "single" and other:
        shown = ", ".join(sorted(other.labels)) or "none"
        raise UserError(f"{root / other.name}: has the classes {shown}, but with --options.labels single one")
    return other is None and labels != "multi"


def _sample(
    root: Path,
    photos: Sequence[Photo],
    chosen: Sequence[int],
    classes: Sequence[str],
    groups: Sequence[str],
    annotate: Annotate,
    index: int,
) -> Sample:
    photo = photos[chosen[index]]
    image, seen = read_photo(root / photo.name)
    annotations, remarks = annotate(chosen[index], image)
    numbers = frozenset(classes.index(label) for label in photo.labels)
    group = groups.index(photo.group) if photo.group else -1
    return Sample(image, numbers, annotations, group, (*seen, *remarks))
