"""Kinds of evidence: images of one answer, grouped by on what, and where, the evidence for it lies."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from model_guidance.errors import UserError
from model_guidance.finding.observations import Observations

try:
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.metrics import silhouette_score
except ModuleNotFoundError as error:
    raise UserError("kinds of evidence need scikit-learn: pip install 'model-guidance[digits]'") from error

MOST = 6  # clusters of one class
FEWEST = 10  # images of a class that can be told apart into clusters
CLEAR = 0.1  # silhouette below which there is one kind of evidence only
WIDTH = 16  # principal components that are kept of the features
PLACE = 0.5  # weight of where the evidence lies beside on what
SAMPLE = 2000  # images of which the silhouette is taken
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Cluster:
    """Images, by their numbers in the observations, whose answer is `label`; the most typical come first.

    `silhouette` in [-1, 1] is that of all clusters of the class, NaN where there is only one.
    """

    label: int
    members: Int[np.ndarray, "members"]
    silhouette: float


def clusters(seen: Observations, seed: int = 0) -> list[Cluster]:
    """Return the clusters of each explained class, the largest first.

    k-means, of 2 to `MOST` clusters those with the highest silhouette; one where it is below `CLEAR`, or
    where there are fewer than `FEWEST` images. What is compared are the features at the evidence, as
    `WIDTH` principal components, and, weighted by `PLACE`, where it lies.
    """
    found = []
    for label in np.unique(seen.classes):
        own = np.flatnonzero(seen.classes == label)
        points = _points(seen[own])
        groups, silhouette = _best(points, seed)
        for group in np.unique(groups):
            inside = np.flatnonzero(groups == group)
            gaps = np.linalg.norm(points[inside] - points[inside].mean(axis=0), axis=1)
            found.append(Cluster(int(label), own[inside[np.argsort(gaps, kind="stable")]], silhouette))
    return sorted(found, key=lambda each: (each.label, -len(each.members)))


def check_seed(seed: int) -> None:
    """Raise `UserError` for a seed that scikit-learn does not take."""
    if not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"--seed {seed}: a number from 0 to {LARGEST_SEED} is needed")


def whereabouts(energy: Float[np.ndarray, "images rows columns"]) -> Float[np.ndarray, "images 4"]:
    """Return the centre of each image's energy, x and y, how far it spreads across and down: in [0, 1]."""
    columns, rows = energy.sum(axis=1), energy.sum(axis=2)
    found = []
    for shares in (columns, rows):
        places = (np.arange(shares.shape[1]) + 0.5) / shares.shape[1]
        centre = shares @ places
        found += [centre, np.sqrt(((places - centre[:, None]) ** 2 * shares).sum(axis=1))]
    return np.stack(found, axis=1)


def _points(seen: Observations) -> Float[np.ndarray, "images width"]:
    """Return what is compared: each of both parts has a mean square of 1, times its weight."""
    kept = min(WIDTH, *seen.features.shape)
    same = not seen.features.std(axis=0).any()  # then there is no direction to look along
    components = 0 * seen.features if same else PCA(kept, random_state=0).fit_transform(seen.features)
    place = whereabouts(seen.energy)
    place = (place - place.mean(axis=0)) / place.std(axis=0).clip(min=1e-6)
    parts = [(components, 1.0), (place, PLACE)]
    return np.hstack([weight * part / _size(part) for part, weight in parts])


def _size(part: Float[np.ndarray, "images width"]) -> float:
    return max(float(np.sqrt((part**2).sum(axis=1).mean())), 1e-6)


def _best(points: Float[np.ndarray, "images width"], seed: int) -> tuple[Int[np.ndarray, "images"], float]:
    together = np.zeros(len(points), int)
    if len(points) < FEWEST or not points.any():
        return together, float("nan")
    tried = [KMeans(k, n_init=4, random_state=seed).fit_predict(points) for k in range(2, MOST + 1)]
    scores = [_silhouette(points, each, seed) for each in tried]
    best = int(np.argmax(scores))
    return (tried[best], scores[best]) if scores[best] >= CLEAR else (together, float("nan"))


def _silhouette(
    points: Float[np.ndarray, "images width"], groups: Int[np.ndarray, "images"], seed: int
) -> float:
    """Return the silhouette of a sample of the images; one of each cluster is in it, however small it is."""
    sample = np.random.default_rng(seed).permutation(len(points))[:SAMPLE]
    first = np.unique(groups, return_index=True)[1]
    some = np.union1d(sample, first)
    return float(silhouette_score(points[some], groups[some]))
