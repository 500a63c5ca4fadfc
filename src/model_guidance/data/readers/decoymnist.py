"""DecoyMNIST (Ross et al., 2017): digits with a grey patch in a corner whose shade gives the digit away."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from model_guidance.data.readers.mnist import CLASSES, SIDE, Pictures, embedded, pictures
from model_guidance.data.readers.options import SPLITS, check_count, check_flag, check_split, numbered, one_of
from model_guidance.data.source import Annotation, Sample, Source, bounding_box
from model_guidance.errors import UserError

PATCH, STEP = 4, 25  # pixels of a side; a class's shade is 255 - 25 * class
FAR = SIDE - PATCH  # where it begins, to the right or below
GROUPS = ("patch of its class", "patch of another class")


@dataclass(frozen=True)
class _Options:
    split: str
    patch: str
    seed: int

    @property
    def biased(self) -> bool:
        return self.patch == "biased" and self.split != "test"


def read(
    root: Path | None,
    split: str,
    *,
    patch: str = "biased",
    count: int | None = None,
    seed: int = 0,
    download: bool = False,
) -> Source:
    """Read one split of DecoyMNIST, from torchvision's MNIST below `root`, or without one from scikit-learn.

    A patch of 4 x 4 pixels lies in a random corner of each picture. In training and validation its shade is
    255 - 25 * digit, in the test split that of a random digit; `patch` "independent" makes it random
    everywhere: what a model that learns from such data reaches is the ceiling. Regions are the digit's box
    and mask, and the patch as a box to be ignored, which is the annotation of the paper (`--regions ignore`).
    The groups (`GROUPS`) say whether the patch tells the truth. `count` keeps the first pictures of the
    split; `download` fetches MNIST where it is not there. Picture i depends on seed and split alone. Raises
    `UserError` for an impossible option, and where a file is missing or damaged.
    """
    check_split(split)
    check_flag("download", download)
    options = _Options(split, one_of("patch", patch, ("biased", "independent")), seed)
    check_count("seed", seed, 0, 2**63 - 1)
    if root is None and download:
        raise UserError("--options.download true: needs --root, the folder into which MNIST is downloaded")
    found = embedded(split) if root is None else pictures("MNIST", root, split, download)
    length = len(found) if count is None else check_count("count", count, 1, len(found))
    return Source(
        classes=tuple(map(str, range(CLASSES))),
        names=numbered(split, length, seed),
        read=partial(_read, found, options),
        files=found.files,
        version=f"decoymnist {'torchvision' if root else 'scikit-learn'} {options}",
        groups=GROUPS,
        exclusive=True,
    )


def _read(found: Pictures, options: _Options, index: int) -> Sample:
    rng = np.random.default_rng((options.seed, SPLITS.index(options.split), index))
    x, y = (FAR * rng.integers(2, size=2)).tolist()
    label, another = int(found.labels[index]), int(rng.integers(CLASSES))
    told = label if options.biased else another
    pixels = found.pixels[index].copy()
    pixels[y : y + PATCH, x : x + PATCH] = 0
    digit = pixels > 0
    if not digit.any():
        raise UserError(f"{options.split}-{index:05d}: is black, but must show a digit")
    pixels[y : y + PATCH, x : x + PATCH] = 255 - STEP * told
    marks = (
        Annotation("boxes", label, bounding_box(digit)),
        Annotation("masks", label, digit),
        Annotation("ignore", label, np.array([x, y, x + PATCH, y + PATCH], np.float32)),
    )
    image = Image.fromarray(pixels).convert("RGB")
    return Sample(image, frozenset({label}), marks, group=int(told != label))
