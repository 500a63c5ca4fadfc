"""Which images to mark next: those on which a network's evidence looks worst, and not all of one kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from model_guidance.data.annotations.settings import named_images
from model_guidance.errors import UserError
from model_guidance.finding.criteria import CRITERIA
from model_guidance.finding.observations import Observations, Observer, present
from model_guidance.runs.folder import Run
from model_guidance.runs.setup import regions_of

ALL = "all"
AMONG = ("variety", "typical")  # these say what an image is beside others, not by itself
RANKED = tuple(name for name in CRITERIA if name not in AMONG)
SHORTLIST = 4  # times as many images as are wanted: variety chooses among them


@dataclass(frozen=True)
class Suggestions:
    """Images of the `observer`'s split that should be marked, the most urgent first.

    `score` in [0, 1] or a distance is what they were chosen by, `criteria` are the values of each criterion.
    `left` is the number of images that were to choose from.
    """

    observer: Observer
    images: Observations
    score: Float[np.ndarray, "images"]
    criteria: dict[str, Float[np.ndarray, "images"]]
    left: int

    @property
    def names(self) -> list[str]:
        """The images' names in the data set."""
        return [self.observer.split.names[place] for place in self.images.index]


def suggest(
    run: Run,
    by: str = ALL,
    count: int = 25,
    split: str = "train",
    checkpoint: str = "best",
    marked: Path | None = None,
) -> Suggestions:
    """Return `count` images of a split that are not marked yet, by one criterion of `CRITERIA` or by all.

    Marked are the images with a region, in training with one that the run may use, or those that the file
    `marked` names. The classes share the list as they share the images: maps of different classes cannot be
    compared, and one class alone would fill it. By all: each image has the mean of its ranks within its class
    under `RANKED`; of the best `SHORTLIST * count`, those are taken that are farthest from each other and
    from the marked ones. Images without any class are left out.
    Raises `UserError` for an unknown criterion, where every image is marked, and where fewer are left.
    """
    if by not in (*CRITERIA, ALL):
        raise UserError(f"--by {by}: must be one of {', '.join((*CRITERIA, ALL))}")
    if count < 1:
        raise UserError(f"--count {count}: at least 1 is needed")
    observer = Observer.of(run, split, checkpoint)
    known = _marked(observer, marked)
    free = ~known & (observer.split.labels.sum(axis=1) > 0)
    _check_left(split, free, count)
    seen = observer.observe(present)
    images, others = seen[free[seen.index]], seen[known[seen.index]]
    criteria = {name: criterion(images, others) for name, criterion in CRITERIA.items()}
    score = criteria[by] if by in criteria else _mean_rank(images, criteria)
    first = _varied(images, others, score, count) if by == ALL else _first(score, images.classes, count)
    shown = {name: values[first] for name, values in criteria.items()}
    return Suggestions(observer, images[first], score[first], shown, len(images))


def ordered(images: Observations, by: str = ALL) -> Int[np.ndarray, "images"]:
    """Return all images, by their place, in the order of one of `CRITERIA` or of all of `RANKED`."""
    nothing = images[np.zeros(len(images), bool)]
    wanted = RANKED if by == ALL else (by,)
    criteria = {name: CRITERIA[name](images, nothing) for name in wanted}
    score = _mean_rank(images, criteria) if by == ALL else criteria[by]
    return _first(score, images.classes, len(images))


def _mean_rank(
    images: Observations, criteria: Mapping[str, Float[np.ndarray, "images"]]
) -> Float[np.ndarray, "images"]:
    return np.mean([_ranks(criteria[name], images.classes) for name in RANKED], axis=0)


def _marked(observer: Observer, file: Path | None) -> Bool[np.ndarray, "images"]:
    config, split = observer.run.config, observer.split
    if file is not None:
        return named_images(file, split.names, option="--marked")
    settings = regions_of(config)
    marked = split.has(*settings.kinds)
    trained_on = observer.name == "train" and marked.any()
    return settings.annotated_of(split) if trained_on else marked


def _check_left(split: str, free: Bool[np.ndarray, "images"], count: int) -> None:
    left = int(free.sum())
    if not left:
        raise UserError(
            f"--split {split}: all {len(free)} images are marked already (or have no class); to choose among "
            "them all the same, name those that count as marked: --marked FILE, perhaps an empty one"
        )
    if count > left:
        raise UserError(f"--count {count}: only {left} images of {split} are not marked yet")


def _ranks(
    values: Float[np.ndarray, "images"], classes: Int[np.ndarray, "images"]
) -> Float[np.ndarray, "images"]:
    """Return the share of the images of its class that each one exceeds; ties count half."""
    found = np.zeros(len(values))
    for own in (classes == label for label in np.unique(classes)):
        ordered = np.sort(values[own])
        sides = [np.searchsorted(ordered, values[own], side) for side in ("left", "right")]
        found[own] = np.mean(sides, axis=0) / len(ordered)
    return found


def _first(
    score: Float[np.ndarray, "images"], classes: Int[np.ndarray, "images"], count: int
) -> Int[np.ndarray, "count"]:
    """Return the images of the highest score, of each class as many as its share of all images."""
    order = np.argsort(-score, kind="stable")
    turn = np.zeros(len(order))
    for own in (classes[order] == label for label in np.unique(classes)):
        turn[own] = (np.arange(own.sum()) + 0.5) / own.sum()
    return order[np.argsort(turn, kind="stable")][:count]


def _varied(
    images: Observations, marked: Observations, score: Float[np.ndarray, "images"], count: int
) -> Int[np.ndarray, "count"]:
    """Return which of the highest scores are farthest from each other, the best score first."""
    listed = _first(score, images.classes, SHORTLIST * count)
    spread = CRITERIA["variety"](images[listed], marked)
    taken = listed[_first(spread, images.classes[listed], count)]
    return taken[_first(score[taken], images.classes[taken], count)]
