"""Which annotation guidance may use: its kind, how coarse it is, and for how many images it exists."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.cache.split import Split
from model_guidance.errors import UserError, listed

RANDOM = "random"


@dataclass(frozen=True)
class RegionSettings:
    """What the regions of a batch are made of.

    `kind`: a name of `kinds.KINDS`, or "random": boxes of the same size at random places (a control). What
    must not be used (`Kind.excludes`) is taken away from each of these but the control.
    `dilate` grows each object on each side by this fraction of its width and height. `outside` turns
    each region into everything else (again, where the data set already means the outside). `annotated` is
    the fraction in (0, 1] of the split's images whose regions are used, drawn with `seed`.
    """

    kind: str = "boxes"
    dilate: float = 0.0
    outside: bool = False
    annotated: float = 1.0
    seed: int = 0

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


def for_scores(split: Split, kind: str, outside: bool) -> RegionSettings:
    """Return what maps are scored on: all boxes, or all annotations of `kind` where there are no boxes."""
    boxes = kind == RANDOM or split.has("boxes").any()
    return RegionSettings("boxes" if boxes else kind, outside=outside)


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
