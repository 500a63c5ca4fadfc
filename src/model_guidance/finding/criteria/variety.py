"""Variety: images that rest on something that no marked image rests on (greedy k-center)."""

import numpy as np
from jaxtyping import Float

from model_guidance.finding.observations import Observations

FIRST = 1000  # images that are put in order; all others come after them
WIDTH = 64  # dimensions in which distances are taken: a random projection keeps them


def variety(images: Observations, marked: Observations) -> Float[np.ndarray, "images"]:
    """Return how far each image is from all that come before it: farthest first.

    Distances are Euclidean, of the features on which the answers rest, each of length 1; before the first
    image come the `marked` ones, or the one nearest to the mean where there are none. An image beyond the
    first `FIRST` has the distance to the nearest of those.
    """
    points, known = _projected(images.features), _projected(marked.features)
    nearest = np.full(len(points), np.inf)
    for each in known:
        nearest = np.minimum(nearest, np.linalg.norm(points - each, axis=1))
    found = nearest.copy()
    waiting = np.ones(len(points), bool)
    for _ in range(min(FIRST, len(points))):
        first = not np.isfinite(nearest).all()
        order = -np.linalg.norm(points - points.mean(axis=0), axis=1) if first else nearest
        place = int(np.where(waiting, order, -np.inf).argmax())
        found[place], waiting[place] = nearest[place], False
        nearest = np.minimum(nearest, np.linalg.norm(points - points[place], axis=1))
    return np.where(waiting, nearest, found).clip(max=2.0)  # the first has no distance: the largest there is


def _projected(features: Float[np.ndarray, "images channels"]) -> Float[np.ndarray, "images width"]:
    unit = features / np.linalg.norm(features, axis=1, keepdims=True).clip(min=1e-12)
    if unit.shape[1] <= WIDTH:
        return unit
    draw = np.random.default_rng(0).standard_normal((unit.shape[1], WIDTH)) / np.sqrt(WIDTH)
    return unit @ draw
