"""Which annotation guidance may use: its kind, how coarse it is, and for how many images it exists."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.cache.split import Split
from model_guidance.errors import UserError, listed, quoted
from model_guidance.files import read_text

RANDOM = "random"


@dataclass(frozen=True)
class RegionSettings:
    """What the regions of a batch are made of.

    `kind`: a name of `kinds.KINDS`, or "random": boxes of the same size at random places (a control). What
    must not be used (`Kind.excludes`) is taken away from each of these but the control.
    `dilate` grows each object on each side by this fraction of its width and height. `outside` turns
    each region into everything else (again, where the data set already means the outside). `annotated` is
    the fraction in (0, 1] of the split's images whose regions are used, drawn with `seed`; a file of their
    names, `images`, takes its place.
    """

    kind: str = "boxes"
    dilate: float = 0.0
    outside: bool = False
    annotated: float = 1.0
    seed: int = 0
    images: Path | None = None

    def __post_init__(self) -> None:
        known = (*KINDS, RANDOM)
        if self.kind not in known:
            raise UserError(f"--regions {self.kind}: must be one of {listed(known, self.kind)}")
        if not 0 <= self.dilate < math.inf:
            raise UserError(f"--dilate {self.dilate}: must be a fraction from 0 upwards")
        if not 0 < self.annotated <= 1:
            raise UserError(f"--annotated {self.annotated}: must be above 0 and at most 1")
        if self.seed < 0:
            raise UserError(f"--annotation_seed {self.seed}: must be 0 or larger")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds whose annotations become regions."""
        if self.kind == RANDOM:
            return ("boxes",)
        return tuple(dict.fromkeys((self.kind, *(name for name, kind in KINDS.items() if kind.excludes))))

    def annotated_of(self, split: Split) -> Bool[np.ndarray, "images"]:
        """Return which images of a split have a region that may be used; `UserError` where none has."""
        has_region = split.has(*self.kinds)
        if self.images is None:
            return annotated_images(has_region, self.annotated, self.seed)
        return named_images(self.images, split.names, has_region)


def for_scores(split: Split, kind: str, outside: bool) -> RegionSettings:
    """Return what maps are scored on: all boxes, or all annotations of `kind` where there are no boxes."""
    boxes = kind == RANDOM or split.has("boxes").any()
    return RegionSettings("boxes" if boxes else kind, outside=outside)


def named_images(
    file: Path,
    names: Sequence[str],
    has_region: Bool[np.ndarray, "images"] | None = None,
    option: str = "--annotated_images",
) -> Bool[np.ndarray, "images"]:
    """Return which images of a split are named in a file, one in a line; empty lines are passed over.

    Raises `UserError`, naming the line, for a name that is none of `names`, is there twice, or is that of an
    image without a region, where `has_region` tells.
    """
    places = {name: place for place, name in enumerate(names)}
    chosen = np.zeros(len(names), bool)
    for line, text in enumerate(read_text(file).splitlines(), start=1):
        place = places.get(text.strip(), -1)
        where = f"{option} {file} line {line}: {quoted(text.strip())}"
        if text.strip() and place < 0:
            raise UserError(f"{where} is no image of the split, whose first is {quoted(names[0])}")
        if text.strip() and chosen[place]:
            raise UserError(f"{where} is named twice")
        if text.strip() and has_region is not None and not has_region[place]:
            raise UserError(f"{where} has no region: mark it, or leave it out")
        chosen[place] |= bool(text.strip())
    if not chosen.any() and has_region is not None:
        raise UserError(f"{option} {file}: names no image, at least one is needed")
    return chosen


def annotated_images(
    has_region: Bool[np.ndarray, "images"], fraction: float, seed: int
) -> Bool[np.ndarray, "images"]:
    """Draw `fraction` of all images among those that have a region (or all of these, if they are fewer).

    With one seed, the images of a smaller fraction are among those of a larger one. Raises `UserError` for
    a fraction outside (0, 1] or one that gives no image.
    """
    count = check_fraction(fraction, len(has_region))
    if fraction == 1:
        return has_region.copy()
    if not has_region.any():
        raise UserError(
            f"--annotated {fraction}: none of {len(has_region)} images has a region, but at least one must"
        )
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(has_region))[:count]
    chosen = np.zeros(len(has_region), bool)
    chosen[drawn] = True
    return chosen


def check_fraction(fraction: float, images: int) -> int:
    """Return how many of `images` are annotated; `UserError` for none, or a fraction outside (0, 1]."""
    if not 0 < fraction <= 1:
        raise UserError(f"--annotated {fraction}: must be above 0 and at most 1")
    count = math.floor(fraction * images + 0.5)
    if count == 0:
        raise UserError(_too_small(fraction, images))
    return count


def _too_small(fraction: float, images: int) -> str:
    digits = math.ceil(math.log10(images)) + 2
    smallest = math.ceil(0.5 / images * 10**digits) / 10**digits
    return (
        f"--annotated {fraction}: of {images} images this is none; "
        f"the smallest fraction that gives one is {smallest:.{digits}f}"
    )
