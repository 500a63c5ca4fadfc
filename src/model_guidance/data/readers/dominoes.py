"""Dominoes (Shah et al., 2020): a garment that decides the class, under a digit that gives it away."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Int
from PIL import Image

from model_guidance.data.readers.mnist import SIDE, Pictures, pictures
from model_guidance.data.readers.options import (
    SPLITS,
    check_count,
    check_flag,
    check_number,
    check_split,
    numbered,
    one_of,
)
from model_guidance.data.source import Annotation, Sample, Source
from model_guidance.errors import UserError

GARMENTS = {"coat": 4, "dress": 3}  # by their classes in FashionMNIST
CLASSES = tuple(GARMENTS)
DIGITS = (0, 1)
GROUPS = tuple(f"{garment} under {digit}" for garment in CLASSES for digit in DIGITS)
LOWER = np.array([0, SIDE, SIDE, 2 * SIDE], np.float32)


@dataclass(frozen=True)
class _Halves:
    """What can be stacked: the places of the garments in their order, and of the digits by their class."""

    garments: Pictures
    digits: Pictures
    chosen: Int[np.ndarray, "n"]
    pools: tuple[Int[np.ndarray, "zeros"], Int[np.ndarray, "ones"]]


@dataclass(frozen=True)
class _Options:
    split: str
    correlation: float
    digit: str
    seed: int

    @property
    def agreement(self) -> float:
        return self.correlation if self.digit == "biased" and self.split != "test" else 0.5


def read(
    root: Path,
    split: str,
    *,
    correlation: float = 1.0,
    digit: str = "biased",
    count: int | None = None,
    seed: int = 0,
    download: bool = False,
) -> Source:
    """Read one split of Dominoes, from torchvision's MNIST and FashionMNIST below `root`.

    Each picture, 28 x 56 pixels, is a digit, 0 or 1, on top of a garment, coat or dress, which decides the
    class and whose half is the box; its mask is the garment's. In training and validation a share
    `correlation` of the coats is under a 0 and of the dresses under a 1; in the test split, and everywhere
    where `digit` is "independent" (the ceiling), the digit is drawn at random. The groups are 2 * garment +
    digit, in the order of `GROUPS`. `count` keeps the first pictures; `download` fetches what is not there.
    Picture i depends on seed and split alone. Raises `UserError` for an impossible option, and where a file
    is missing or damaged.
    """
    check_split(split)
    check_flag("download", download)
    check_number("correlation", correlation, 0.0, 1.0)
    check_count("seed", seed, 0, 2**63 - 1)
    options = _Options(split, correlation, one_of("digit", digit, ("biased", "independent")), seed)
    garments, digits = (pictures(name, root, split, download) for name in ("FashionMNIST", "MNIST"))
    halves = _halves(garments, digits, root)
    available = len(halves.chosen)
    length = available if count is None else check_count("count", count, 1, available)
    return Source(
        classes=CLASSES,
        names=numbered(split, length, seed),
        read=partial(_read, halves, options),
        files=(*halves.garments.files, *halves.digits.files),
        version=f"dominoes {options}",
        groups=GROUPS,
        exclusive=True,
    )


def _halves(garments: Pictures, digits: Pictures, root: Path) -> _Halves:
    zeros, ones = (np.flatnonzero(digits.labels == each) for each in DIGITS)
    chosen = np.flatnonzero(np.isin(garments.labels, list(GARMENTS.values())))
    for found, what in (
        (chosen, "coat or dress in FashionMNIST"),
        (zeros, "0 in MNIST"),
        (ones, "1 in MNIST"),
    ):
        if not len(found):
            raise UserError(f"{root}: has no {what}, but must have at least one in each split")
    return _Halves(garments, digits, chosen, (zeros, ones))


def _read(halves: _Halves, options: _Options, index: int) -> Sample:
    rng = np.random.default_rng((options.seed, SPLITS.index(options.split), index))
    place = halves.chosen[index]
    label = int(halves.garments.labels[place] == GARMENTS[CLASSES[1]])
    chance, draw = rng.random(2)
    digit = label if chance < options.agreement else 1 - label
    pool = halves.pools[digit]
    garment, top = halves.garments.pixels[place], halves.digits.pixels[pool[int(draw * len(pool))]]
    mask = np.vstack([np.zeros_like(top), garment]) > 0
    if not mask.any():
        raise UserError(f"{options.split}-{index:05d}: the garment is black, but must be seen")
    marks = (Annotation("boxes", label, LOWER), Annotation("masks", label, mask))
    image = Image.fromarray(np.vstack([top, garment])).convert("RGB")
    return Sample(image, frozenset({label}), marks, group=2 * label + digit)
