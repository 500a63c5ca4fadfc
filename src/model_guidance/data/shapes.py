"""The embedded data set: patterned figures in a landscape, drawn in code, with a shortcut to fall for."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from model_guidance.data.figures import Figure, paint
from model_guidance.data.source import Sample, Source
from model_guidance.data.textures import meadow, sea

COUNTS = {"train": 1000, "val": 200, "test": 400}
PATTERNS = ("striped", "spotted")
LANDSCAPES = {"meadow": meadow, "sea": sea}


@dataclass(frozen=True)
class Options:
    split: str
    count: int
    size: int
    seed: int
    background: str
    labels: str

    @property
    def biased(self):
        return self.background == "biased" and self.split != "test"


def read(root, split, *, count=None, size=64, seed=0, background="biased", labels="single"):
    o = Options(split, count or COUNTS[split], size, seed, background, labels)
    return Source(
        PATTERNS,
        [f"{split} {i}" for i in range(o.count)],
        partial(_single, o),
        (),
        str(o),
        tuple(f"{p} on {l}" for p in PATTERNS for l in LANDSCAPES),
        True,
    )


def _rng(o, i):
    return np.random.default_rng((o.seed, list(COUNTS).index(o.split), i))


def _single(o, i):
    rng = _rng(o, i)
    label = i % 2
    ground = label if o.biased else i // 2 % 2
    fig = _figure(rng, o.size, ("disc", "square", "triangle")[rng.integers(3)], PATTERNS[label], (0.17, 0.26))
    canvas = list(LANDSCAPES.values())[ground](rng, o.size)
    mask = paint(canvas, fig)
    return Sample(
        _image(canvas), frozenset({label}), ((label, _box(mask)),), ((label, mask),), 2 * label + ground
    )


def _figure(rng, size, outline, pattern, radii):
    radius = size * rng.uniform(*radii)
    x, y = rng.uniform(radius, size - radius, 2)
    warm = np.array([0.85 + 0.15 * rng.random(), 0.75 * rng.random(), 0.35 * rng.random()], dtype=np.float32)
    light = 1 - 0.25 * (1 - warm) * rng.random()
    return Figure(
        outline,
        pattern,
        x,
        y,
        radius,
        rng.uniform(0, 2 * np.pi),
        size * rng.uniform(0.1, 0.13),
        light.astype(np.float32),
        warm * np.float32(0.9),
    )


def _image(canvas):
    return Image.fromarray((255 * canvas + 0.5).astype(np.uint8))


def _box(mask):
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([xs[0], ys[0], xs[-1] + 1, ys[-1] + 1], dtype=np.float32)
