"""What a network looks at when it gives an answer: its kinds of evidence, and how often each is right."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float

from model_guidance.data import SplitDataset
from model_guidance.data.annotations.settings import for_scores
from model_guidance.finding.clusters import Cluster, check_seed, clusters
from model_guidance.finding.criteria.border import border
from model_guidance.finding.observations import GRID, Observations, Observer, predicted
from model_guidance.metrics.decisions import decided
from model_guidance.runs.folder import Run


@dataclass(frozen=True)
class Kind:
    """One kind of evidence: images with the same answer that rest on the same.

    `share` is that of the images with this answer, `accuracy` how many of the images it is right for,
    `border` the mean share of the energy at the border, `inside` that in the regions (NaN without any), and
    `groups` the shares of the groups that occur, all in [0, 1]; `name` is the class with a number.
    """

    name: str
    cluster: Cluster
    share: float
    accuracy: float
    border: float
    inside: float
    groups: dict[str, float]


@dataclass(frozen=True)
class Inspection:
    """The kinds of evidence in a split, the observations they were found in, and what is known of each image.

    `right` says whether the answer is; `inside` is the share of the energy in the image's regions, NaN for
    an image without one.
    """

    observer: Observer
    seen: Observations
    right: Bool[np.ndarray, "images"]
    inside: Float[np.ndarray, "images"]
    kinds: list[Kind]


def inspect_run(
    run: Run, split: str = "val", checkpoint: str = "best", seed: int = 0, layer: str | None = None
) -> Inspection:
    """Return the kinds of evidence of a run's answers on a split; no region is used to find them.

    The answer is the class of the largest logit; `layer` may be another than the run's. Raises `UserError`
    for a layer, a checkpoint or images that are not there, a seed that cannot be, and without scikit-learn.
    """
    check_seed(seed)
    if layer is not None:
        run = replace(run, config=run.config.explained_by(run.config.method, layer))
    observer = Observer.of(run, split, checkpoint)
    seen = observer.observe(predicted, twice=False)
    right, inside = _right(observer, seen), _inside(observer, seen)
    found: list[Kind] = []
    for each in clusters(seen, seed):
        place = 1 + sum(kind.cluster.label == each.label for kind in found)
        found.append(_kind(observer, seen, right, inside, each, f"{run.classes[each.label]} {place}"))
    return Inspection(observer, seen, right, inside, found)


def _kind(
    observer: Observer,
    seen: Observations,
    right: Bool[np.ndarray, "images"],
    inside: Float[np.ndarray, "images"],
    cluster: Cluster,
    name: str,
) -> Kind:
    own, split = cluster.members, observer.split
    groups = split.group[seen.index[own]]
    names = {split.groups[group]: float(np.mean(groups == group)) for group in np.unique(groups[groups >= 0])}
    known = inside[own][~np.isnan(inside[own])]
    return Kind(
        name,
        cluster,
        len(own) / int((seen.classes == cluster.label).sum()),
        float(right[own].mean()),
        float(border(seen[own], seen[own][:0]).mean()),
        float(known.mean()) if len(known) else float("nan"),
        dict(sorted(names.items(), key=lambda each: -each[1])),
    )


def _right(observer: Observer, seen: Observations) -> Bool[np.ndarray, "images"]:
    """Return whether each answer is right; the only class of a model is decided for or not."""
    has = observer.split.labels[seen.index, seen.classes] > 0
    if seen.logits.shape[1] > 1:
        return has
    return decided(torch.from_numpy(seen.logits), exclusive=False).numpy()[:, 0] == has


def _inside(observer: Observer, seen: Observations) -> Float[np.ndarray, "images"]:
    """Return the share of the energy in all regions of each image, NaN where it has none."""
    config, split = observer.run.config, observer.split
    settings = for_scores(split, config.regions, config.outside)
    dataset = SplitDataset(split, settings, features=observer.dataset.features)
    found = np.full(len(seen), np.nan)
    for place, index in enumerate(seen.index.tolist()):
        regions = dataset[index].regions if dataset.annotated[index] else []
        if regions:
            masks = torch.stack([each.mask for each in regions]).any(dim=0).numpy()
            found[place] = (seen.energy[place] * _cells(masks)).sum()
    return found


def _cells(mask: Bool[np.ndarray, "height width"]) -> Float[np.ndarray, "rows columns"]:
    """Return which share of each cell the mask covers."""
    rows, columns = (np.linspace(0, side, GRID + 1).round().astype(int) for side in mask.shape)
    summed = np.pad(mask.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))[np.ix_(rows, columns)]
    counted = np.diff(np.diff(summed, axis=0), axis=1)
    return counted / np.outer(np.diff(rows), np.diff(columns)).clip(min=1)
