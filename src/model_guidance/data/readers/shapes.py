"""The embedded data set: figures in a landscape, drawn in code, with a shortcut for a model to fall for."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from model_guidance.data.readers.options import check_count, numbered
from model_guidance.data.shapes.scenes import MULTI, SINGLE, one, several
from model_guidance.data.shapes.textures import LANDSCAPES
from model_guidance.data.source import Sample, Source
from model_guidance.errors import UserError

COUNTS = {"train": 1000, "val": 200, "test": 400}
GROUPS = tuple(f"{kind.name} on {landscape}" for kind in SINGLE for landscape in LANDSCAPES)
SMALLEST = 32  # pixels; below, a pattern's period is under 3 pixels and cannot be seen
RANGES = {"count": (1, 10**6), "size": (SMALLEST, 4096), "seed": (0, 2**63 - 1)}


@dataclass(frozen=True)
class _Options:
    split: str
    count: int
    size: int
    seed: int
    background: str
    labels: str

    @property
    def biased(self) -> bool:
        return self.background == "biased" and self.split != "test"


def read(
    root: Path | None,
    split: str,
    *,
    count: int | None = None,
    size: int = 64,
    seed: int = 0,
    background: str = "biased",
    labels: str = "single",
) -> Source:
    """Return a split, `train`, `val` or `test`, of `count` RGB images of `size` x `size` pixels.

    `labels="single"`: one figure, striped in yellow or spotted in red, on a meadow or the sea; its shape
    means nothing. In training and validation every striped figure is on a meadow and every spotted one at
    sea; in the test split the four groups (`GROUPS`, number 2 * class + landscape) have equal shares.

    `labels="multi"`: one to four figures of six classes. In training and validation they nearly always come
    as ball and kite, star and heart, die and flower; in the test split no class tells anything of another.

    `background="independent"` removes either bias from all splits: what a model that learns from such data
    reaches is the ceiling for guidance. Image i depends on seed, split, size and the last two options, not
    on `count`. Boxes and masks are those of what is seen. `root` is not used.

    Raises `UserError` for an option with an unknown or impossible value.
    """
    wanted = COUNTS.get(split, 1) if count is None else count
    options = _Options(split, wanted, size, seed, background, labels)
    _check(options)
    single = labels == "single"
    return Source(
        classes=tuple(kind.name for kind in (SINGLE if single else MULTI)),
        names=numbered(split, wanted, seed),
        read=partial(_read, options),
        files=(),
        version="shapes 2 " + " ".join(f"{name}={value}" for name, value in asdict(options).items()),
        groups=GROUPS if single else (),
        exclusive=single,
    )


def _check(options: _Options) -> None:
    allowed = {"split": tuple(COUNTS), "background": ("biased", "independent"), "labels": ("single", "multi")}
    for name, values in allowed.items():
        if (value := getattr(options, name)) not in values:
            raise UserError(f"{_place(name)} {value}: must be one of {', '.join(values)}")
    for name, (least, most) in RANGES.items():
        check_count(name, getattr(options, name), least, most)


def _place(option: str) -> str:
    return f"--{option}" if option == "split" else f"--options.{option}"


def _read(options: _Options, index: int) -> Sample:
    rng = np.random.default_rng((options.seed, tuple(COUNTS).index(options.split), index))
    if options.labels == "multi":
        return several(rng, options.size, options.biased)
    label = index % 2
    return one(rng, options.size, label, ground=label if options.biased else index // 2 % 2)
