"""Typical images: each stands for many others that no image before it stands for (facility location)."""

import numpy as np
from jaxtyping import Float

from model_guidance.finding.observations import Observations

FIRST = 200  # images of a class that are put in order; all others come after them
SAMPLE = 4000  # images of a class among which they are sought


def typical(images: Observations, marked: Observations) -> Float[np.ndarray, "images"]:
    """Return how much each image adds, in [0, 1], to how well those before it stand for their class.

    An image stands for another as far as the features on which their answers rest are alike: the cosine of
    their differences from the mean, or 0 where that is negative. A set stands for a class by the mean over
    its images of the most similar one in the set; the `marked` images come first, then greedily what adds
    most. So a few cover what is common, as a low budget wants it (Hacohen et al., 2022, arXiv 2202.02794).
    """
    mean = images.features.mean(axis=0)
    points, known = _directions(images.features - mean), _directions(marked.features - mean)
    found = np.zeros(len(images))
    for label in np.unique(images.classes):
        own = np.flatnonzero(images.classes == label)
        own = np.random.default_rng(0).permutation(own)[:SAMPLE]
        found[own] = _added(points[own], known[marked.classes == label])
    return found


def _added(
    points: Float[np.ndarray, "points width"], known: Float[np.ndarray, "known width"]
) -> Float[np.ndarray, "points"]:
    """Return what each point adds at its turn; those without a turn, what they would add after the last."""
    alike = (points @ points.T).clip(min=0)
    covered = (points @ known.T).max(axis=1, initial=0)
    found, waiting = np.zeros(len(points)), np.ones(len(points), bool)
    for _ in range(min(FIRST, len(points))):
        gain = np.maximum(alike, covered).mean(axis=1) - covered.mean()
        place = int(np.where(waiting, gain, -np.inf).argmax())
        found[place], waiting[place] = gain[place], False
        covered = np.maximum(covered, alike[place])
    return np.where(waiting, np.maximum(alike, covered).mean(axis=1) - covered.mean(), found)


def _directions(differences: Float[np.ndarray, "images channels"]) -> Float[np.ndarray, "images channels"]:
    lengths = np.linalg.norm(differences, axis=1, keepdims=True)
    return (differences / lengths.clip(min=1e-12)).astype(np.float32)
