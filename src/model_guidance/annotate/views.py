"""A run or a round as the page looks through it: what it predicts for a split, and the map of an image."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image

from model_guidance.annotate.photos import QUALITY, Photos
from model_guidance.annotate.rounds import Rounds, epochs_of
from model_guidance.data.loading import collate
from model_guidance.data.photos import encoded
from model_guidance.errors import UserError
from model_guidance.files import is_there
from model_guidance.finding.observations import Observations, Observer, present
from model_guidance.finding.reliance import lost_without_outside
from model_guidance.metrics.decisions import decided
from model_guidance.report.figures.overlay import layer
from model_guidance.runs.folder import LAST, Run
from model_guidance.training.classification import probabilities_of

if TYPE_CHECKING:
    from model_guidance.finding.clusters import Cluster

T = TypeVar("T")
OWN = "run"  # the id of the run that the page was opened for
SIDE = 256  # pixels of a map's side: the page stretches it over the image
CHECKPOINT = "last"  # that which the verdict judges


@dataclass(eq=False)
class View:
    """The last epoch of a run: `epoch` tells it from an earlier one of the same run.

    `done` and `failed` have what was found about a split, or why not, by what it is and the split's name.
    """

    run: Run
    epoch: int
    observers: dict[str, Observer] = field(default_factory=dict)
    done: dict[tuple[str, str], Any] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def observer(self, split: str) -> Observer:
        """Return the network before the images of a split."""
        with self.lock:
            if split not in self.observers:
                self.observers[split] = Observer.of(self.run, split, CHECKPOINT)
            return self.observers[split]

    def map_png(self, split: str, index: int, label: int, size: tuple[int, int]) -> bytes:
        """Return the map of one class of an image as colours with an opacity, to be laid over the image.

        The image's `size` is width and height: what the network sees of it may be a part, or padded.
        """
        observer = self.observer(split)
        with self.lock:
            (raw,) = observer.maps([index], [label])
        whole = self.run.config.resizing.placement(size[::-1]).back(raw)
        return encoded(Image.fromarray(layer(whole, SIDE), "RGBA"), "PNG", QUALITY)

    def scores(self, split: str, index: int) -> list[float]:
        """Return the probability of each class of one image."""
        observer = self.observer(split)
        batch = collate([observer.dataset[index]]).to(observer.device)
        with self.lock, torch.no_grad():
            logits = observer.model(batch.inputs)[0]
        return probabilities_of(logits, self.run.config.classification).tolist()

    def observations(self, split: str) -> Observations | None:
        """Return what is predicted for each image of a split, and why; None until that is known."""
        return self._found("observations", split, lambda: self._looked(split))

    def reliance(self, split: str) -> Float[np.ndarray, "images"] | None:
        """Return what each answer loses without the image's background; None until that is known."""
        seen = self.observations(split)
        return None if seen is None else self._found("reliance", split, lambda: self._lost(split, seen))

    def kinds(self, split: str) -> Sequence["Cluster"] | None:
        """Return the kinds of evidence for the images' classes; None until they are known."""
        seen = self.observations(split)
        return None if seen is None else self._found("kinds", split, lambda: _clusters(seen))

    def problem(self, split: str) -> str:
        """Return why something about a split cannot be known; "" if nothing went wrong."""
        return next((said for (_, where), said in self.failed.items() if where == split), "")

    def _looked(self, split: str) -> Observations:
        """Predict and explain every image: seconds with kept features, else minutes."""
        # with a network of its own: a map may be asked for meanwhile
        return Observer.of(self.run, split, CHECKPOINT).observe(present)

    def _lost(self, split: str, seen: Observations) -> Float[np.ndarray, "images"]:
        lost = lost_without_outside(self.run, split, seen, CHECKPOINT)
        if np.isnan(lost).all():
            raise UserError(f"no image of {split} has a region in the data: nothing says what is background")
        return lost

    def _found(self, what: str, split: str, find: Callable[[], T]) -> T | None:
        """Return what was found about a split; None as long as a thread of its own is at it."""
        key = (what, split)
        with self.lock:
            starting = key not in self.done and key not in self.failed and key not in self._at_work
            if starting:
                self._at_work.add(key)
        if starting:
            threading.Thread(target=self._find, args=(key, find), daemon=True).start()
        return self.done.get(key)

    def _find(self, key: tuple[str, str], find: Callable[[], Any]) -> None:
        try:
            self.done[key] = find()
        except UserError as error:
            self.failed[key] = str(error)

    @cached_property
    def _at_work(self) -> set[tuple[str, str]]:
        return set()


def _clusters(seen: Observations) -> Sequence["Cluster"]:
    from model_guidance.finding.clusters import clusters  # noqa: PLC0415  (scikit-learn, an extra)

    return clusters(seen)


class Views:
    """All that the page can look through, by its id: `OWN`, and the rounds."""

    def __init__(self, run: Path, rounds: Rounds) -> None:
        self._run, self._rounds = run, rounds
        self._open: dict[str, View] = {}

    @property
    def folders(self) -> dict[str, Path]:
        """The run's folder and those of the rounds."""
        return {OWN: self._run, **{each.folder.name: each.folder for each in self._rounds.all}}

    def __getitem__(self, name: str) -> View:
        """Return the view of a run's last epoch so far; `UserError` for one that has none."""
        if name not in self.folders:
            raise UserError(f"there is no model {name}; there are {', '.join(self.folders)}")
        folder, epoch = self.folders[name], self.epoch(name)
        if not is_there(folder / LAST):
            raise UserError(f"{name} has no epoch yet")
        if name not in self._open or self._open[name].epoch != epoch:
            self._open[name] = View(Run.open(folder), epoch)
        return self._open[name]

    def epoch(self, name: str) -> int:
        """Return how many epochs a model has behind it."""
        return epochs_of(self.folders[name])


def right(seen: Observations, photos: Photos) -> Bool[np.ndarray, "images"]:
    """Return which images are predicted rightly: all of their classes and no others."""
    found = decided(torch.from_numpy(seen.logits), photos.split.exclusive).numpy()
    return (found == (photos.split.labels[seen.index] > 0)).all(axis=1)
