"""Grey pictures of 28 x 28 pixels: torchvision's MNIST and FashionMNIST, scikit-learn's embedded digits."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from model_guidance.data.checks import needed
from model_guidance.errors import UserError
from model_guidance.files import check_file

SIDE, CLASSES = 28, 10
DIGIT = 20  # pixels of MNIST's digits, which stand in the middle of the picture
VALIDATION = 6  # the last sixth of the training set is for validation
EMBEDDED = {"train": slice(0, 1000), "val": slice(1000, 1300), "test": slice(1300, None)}
PARTS = {"images": "images-idx3-ubyte", "labels": "labels-idx1-ubyte"}


@dataclass(frozen=True)
class Pictures:
    """One split: grey `pixels` on black, the number of each one's class, the files that they come from."""

    pixels: UInt8[np.ndarray, "n 28 28"]
    labels: Int[np.ndarray, "n"]
    files: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


def pictures(name: str, root: Path, split: str, download: bool) -> Pictures:
    """Read one split of torchvision's data set `name`, MNIST or FashionMNIST, below `root`.

    The test split is the test set; of the training set the last sixth is the validation split. With
    `download`, what is missing is fetched. Raises `UserError` where a file is missing or damaged.
    """
    raw = root / name / "raw"
    part = "t10k" if split == "test" else "train"
    if not download:
        remedy = f"let torchvision download {name} (--options.download true), or put its files there"
        for each in (f"{begin}-{end}" for begin in ("train", "t10k") for end in PARTS.values()):
            check_file(needed(raw / each, remedy))
    pixels, labels = _opened(name, root, split, download)
    if pixels.shape != (len(labels), SIDE, SIDE) or not len(labels) or labels.max() >= CLASSES:
        found = " x ".join(map(str, pixels.shape))
        raise UserError(
            f"{raw}: holds {found} pixels and {len(labels)} labels up to {labels.max(initial=0)}, but must "
            f"have a label from 0 to {CLASSES - 1} for each picture of {SIDE} x {SIDE} pixels"
        )
    first = len(labels) - len(labels) // VALIDATION
    chosen = {"train": slice(0, first), "val": slice(first, None), "test": slice(None)}[split]
    files = tuple(raw / f"{part}-{end}" for end in PARTS.values())
    return Pictures(pixels[chosen], labels[chosen], files)


def _opened(name: str, root: Path, split: str, download: bool) -> tuple[np.ndarray, np.ndarray]:
    from torchvision import datasets  # noqa: PLC0415  (naming the data sets imports no torch)

    try:
        found = getattr(datasets, name)(root, train=split != "test", download=download)
    except Exception as error:  # it checks what it reads by assertions, and torch raises what it likes
        reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
        if download:
            raise UserError(
                f"--options.download true: {name} could not be downloaded to {root} ({reason})"
            ) from error
        raise UserError(f"{root / name}: is not as torchvision keeps {name} ({reason})") from error
    return found.data.numpy(), found.targets.numpy()


def embedded(split: str) -> Pictures:
    """Return scikit-learn's 1,797 digits (1,000, 300 and 497), enlarged from 8 x 8 to MNIST's 20 x 20 pixels.

    They stand in the middle of 28 x 28 pixels, as MNIST's do. Raises `UserError` without scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        raise UserError(
            "--data decoymnist: without --root it needs scikit-learn: pip install 'model-guidance[digits]'"
        ) from error
    found = load_digits()
    grey = (255 / 16 * found.images[EMBEDDED[split]]).astype(np.uint8)
    return Pictures(np.stack([_enlarged(each) for each in grey]), found.target[EMBEDDED[split]])


def _enlarged(grey: UInt8[np.ndarray, "8 8"]) -> UInt8[np.ndarray, "28 28"]:
    digit = np.asarray(Image.fromarray(grey).resize((DIGIT, DIGIT), Image.Resampling.BICUBIC))
    return np.pad(digit, (SIDE - DIGIT) // 2)
