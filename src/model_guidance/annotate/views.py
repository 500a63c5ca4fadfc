"""A run or a round as the page looks through it: what it predicts for a split, and the map of an image."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from PIL import Image

from model_guidance.annotate.photos import QUALITY, Photos
from model_guidance.annotate.rounds import Rounds, epochs_of
from model_guidance.data.loading import collate
from model_guidance.data.photos import encoded
from model_guidance.errors import UserError
from model_guidance.files import is_there
from model_guidance.finding.observations import Observations, Observer, present
from model_guidance.finding.suggestions import ALL, RANKED, ordered
from model_guidance.metrics.decisions import decided
from model_guidance.report.figures.overlay import layer
from model_guidance.runs.folder import LAST, Run
from model_guidance.training.classification import probabilities_of

SIDE = 256  # pixels of a map's side: the page stretches it over the image
CHECKPOINT = "last"  # that which the verdict judges


@dataclass(eq=False)
class View:
    """The last epoch of a run: `epoch` tells it from an earlier one of the same run."""

    run: Run
    epoch: int
    observers: dict[str, Observer] = field(default_factory=dict)
    seen: dict[str, Observations] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
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

    def look(self, split: str) -> None:
        """Predict and explain every image of a split: seconds with kept features, else minutes."""
        try:  # with a network of its own: a map may be asked for meanwhile
            self.seen[split] = Observer.of(self.run, split, CHECKPOINT).observe(present)
        except UserError as error:
            self.failed[split] = str(error)

    def observations(self, split: str) -> Observations | None:
        """Return what was seen in a split; None as long as a thread of its own is at it."""
        with self.lock:
            starting = split not in self.seen and split not in self.failed and split not in self._at_work
            if starting:
                self._at_work.add(split)
        if starting:
            threading.Thread(target=self.look, args=(split,), daemon=True).start()
        return self.seen.get(split)

    @cached_property
    def _at_work(self) -> set[str]:
        return set()


class Views:
    """All that the page can look through, by its id: "run", and the rounds."""

    def __init__(self, run: Path, rounds: Rounds) -> None:
        self._run, self._rounds = run, rounds
        self._open: dict[str, View] = {}

    @property
    def folders(self) -> dict[str, Path]:
        """The run's folder and those of the rounds."""
        return {"run": self._run, **{each.folder.name: each.folder for each in self._rounds.all}}

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


def order(name: str, seen: Observations | None, photos: Photos) -> Sequence[int]:
    """Return the images in an order of `ORDERS`; `UserError` for an unknown one."""
    if name == "data" or seen is None:
        return range(len(photos))
    if name == "class":
        return np.lexsort((np.arange(len(photos)), photos.split.labels.argmax(axis=1))).tolist()
    if name == "error":
        margin = np.take_along_axis(seen.logits, seen.classes[:, None], axis=1)[:, 0]
        return seen.index[np.argsort(margin, kind="stable")].tolist()
    if name not in ORDERS:
        raise UserError(f"the order {name!r} is unknown; there are {', '.join(ORDERS)}")
    return seen.index[ordered(seen, name)].tolist()


ORDERS = {
    "data": "as in the data",
    "class": "by class",
    "error": "most wrong first",
    ALL: "suggested",
    **{name: f"suggested: {name}" for name in RANKED},
}
