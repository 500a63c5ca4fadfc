"""Scenes of the embedded data set: which figures stand where in which landscape."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32
from PIL import Image

from model_guidance.data.shapes.figures import Figure, cover, paint
from model_guidance.data.shapes.textures import LANDSCAPES, Canvas, Colour
from model_guidance.data.source import Sample, annotated, bounding_box

Mask = Bool[np.ndarray, "size size"]


@dataclass(frozen=True)
class Kind:
    """What the figures of one class have in common.

    `outlines` are those to choose from; `tilt` is the largest turn to either side, in radians.
    """

    name: str
    outlines: tuple[str, ...]
    pattern: str
    paper: Colour
    ink: Colour
    tilt: float = np.pi


ANY = ("disc", "square", "triangle")
SINGLE = (
    Kind("striped", ANY, "striped", (1.0, 0.72, 0.18), (1.0, 0.96, 0.90)),
    Kind("spotted", ANY, "spotted", (0.93, 0.30, 0.15), (1.0, 0.96, 0.90)),
)
MULTI = (
    Kind("ball", ("disc",), "striped", (1.0, 0.97, 0.92), (0.95, 0.45, 0.10)),
    Kind("kite", ("triangle",), "checked", (0.98, 0.80, 0.20), (0.50, 0.20, 0.62)),
    Kind("star", ("star",), "plain", (1.0, 0.86, 0.25), (1.0, 0.86, 0.25)),
    Kind("heart", ("heart",), "plain", (0.90, 0.14, 0.22), (0.90, 0.14, 0.22), tilt=0.4),
    Kind("die", ("square",), "spotted", (0.98, 0.97, 0.94), (0.15, 0.15, 0.18)),
    Kind("flower", ("flower",), "ringed", (1.0, 0.66, 0.80), (0.86, 0.25, 0.55)),
)
"""Biased company comes in pairs: ball and kite, star and heart, die and flower."""


def one(rng: np.random.Generator, size: int, label: int, ground: int) -> Sample:
    """Return one figure of class `label` in landscape number `ground`.

    The landscape is drawn last: scenes of one seed differ in nothing else.
    """
    figure = _figure(rng, size, SINGLE[label], (0.15, 0.21))
    shares = cover(figure, size)
    canvas = list(LANDSCAPES.values())[ground](rng, size)
    paint(canvas, figure, shares)
    return _sample(canvas, [(label, shares > 0)], group=label * len(LANDSCAPES) + ground)


def several(rng: np.random.Generator, size: int, biased: bool) -> Sample:
    """Return one to four figures of `MULTI`'s classes, seldom touching, in a landscape that means nothing."""
    canvas = list(LANDSCAPES.values())[rng.integers(len(LANDSCAPES))](rng, size)
    found: list[tuple[int, Mask]] = []
    for label in _company(rng, biased):
        tries = (_figure(rng, size, MULTI[label], (0.13, 0.2)) for _ in range(20))
        fits = ((figure, shares) for figure in tries if not _hides(shares := cover(figure, size), found))
        if chosen := next(fits, None):
            paint(canvas, *chosen)
            found = [(other, mask & (chosen[1] == 0)) for other, mask in found] + [(label, chosen[1] > 0)]
    return _sample(canvas, found)


def _company(rng: np.random.Generator, biased: bool) -> list[int]:
    """Draw the classes of one image; a biased draw is one or two of `MULTI`'s pairs, but for 1 in 20."""
    if biased and rng.random() < 0.95:
        return [
            label for pair in rng.integers(3, size=rng.integers(1, 3)) for label in (2 * pair, 2 * pair + 1)
        ]
    return list(rng.integers(len(MULTI), size=rng.integers(1, 5)))


def _hides(shares: Float32[np.ndarray, "size size"], found: list[tuple[int, Mask]]) -> bool:
    """Tell whether a new figure would hide more than a quarter of what is seen of an earlier one."""
    return any(4 * np.count_nonzero(shares[mask]) > np.count_nonzero(mask) for _, mask in found)


def _figure(rng: np.random.Generator, size: int, kind: Kind, radii: tuple[float, float]) -> Figure:
    """Draw a figure that lies wholly inside the image; `radii` are shares of the image's side."""
    radius = size * rng.uniform(*radii)
    x, y = rng.uniform(radius, size - radius, 2).tolist()
    paper, ink = (_vary(rng, colour) for colour in (kind.paper, kind.ink))
    angle = rng.uniform(-kind.tilt, kind.tilt)
    outline = kind.outlines[rng.integers(len(kind.outlines))]
    return Figure(outline, kind.pattern, x, y, radius, angle, size * rng.uniform(0.1, 0.13), paper, ink)


def _vary(rng: np.random.Generator, colour: Colour) -> Float32[np.ndarray, "3"]:
    return np.clip(np.array(colour) * rng.uniform(0.9, 1) + rng.uniform(-0.05, 0.05, 3), 0, 1).astype(
        np.float32
    )


def _sample(canvas: Canvas, found: list[tuple[int, Mask]], group: int = -1) -> Sample:
    image = Image.fromarray((255 * np.clip(canvas, 0, 1) + 0.5).astype(np.uint8))
    objects = [(int(label), mask) for label, mask in found]
    boxes = annotated("boxes", ((label, bounding_box(mask)) for label, mask in objects))
    return Sample(image, frozenset(label for label, _ in objects), boxes + annotated("masks", objects), group)
