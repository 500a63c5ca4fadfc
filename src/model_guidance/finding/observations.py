"""What a run's network says of each image of a split, where its evidence lies, and on what."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from model_guidance.attribution import Explanation, as_pairs, capture
from model_guidance.data import Split, SplitDataset, loader
from model_guidance.data.loading import collate
from model_guidance.progress import steps
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.devices import fabric_here
from model_guidance.runs.folder import Run
from model_guidance.runs.frozen import FrozenPart, after_frozen
from model_guidance.runs.second_attribution import second_attribution
from model_guidance.runs.setup import split_of
from model_guidance.runs.unchanged import check_unchanged
from model_guidance.training.classification import probabilities_of
from model_guidance.training.config import Config
from model_guidance.types import Batch

GRID = 16  # cells of a side in which energy is kept
TINY = 1e-12

Chosen = Callable[[Float[Tensor, "batch classes"], Float[Tensor, "batch classes"]], Int[Tensor, "batch"]]
"""`chosen(logits, labels)` returns the class of each image whose logit is explained."""


@dataclass(frozen=True)
class Observations:
    """What was seen in some images of a split; `index` are their positions in it.

    `classes` are those that were explained. `energy` is the positive part of each map on `GRID` x `GRID`
    cells, as shares of its sum (all 0 where nothing speaks for the class), `second` that of the second
    attribution, and `features` the layer's features, averaged with the energy as weights. `classification` is
    the loss by which the logits were trained.
    """

    index: Int[np.ndarray, "images"]
    logits: Float[np.ndarray, "images classes"]
    classes: Int[np.ndarray, "images"]
    energy: Float[np.ndarray, "images rows columns"]
    second: Float[np.ndarray, "images rows columns"]
    features: Float[np.ndarray, "images channels"]
    classification: str = "bce"

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, chosen: np.ndarray | slice) -> "Observations":
        """Return some of the images, by their numbers, by truth values or a slice."""
        names = [each.name for each in fields(self) if each.name != "classification"]
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    @property
    def probabilities(self) -> Float[np.ndarray, "images classes"]:
        """The probability of each class: a sigmoid of its own, or after `ce` softmax."""
        return probabilities_of(torch.from_numpy(self.logits).double(), self.classification).numpy()


@dataclass(frozen=True)
class Observer:
    """A run's network before the images of a split, or before their features where a part is frozen.

    `name` is the split's, and `dataset` its images, or their features.
    """

    run: Run
    name: str
    model: nn.Module
    split: Split
    dataset: SplitDataset
    device: torch.device

    @classmethod
    def of(cls, run: Run, split: str, checkpoint: str = "best") -> "Observer":
        """Open a run and a split; `UserError` for a checkpoint, images or classes that are not there."""
        config, fabric = run.config, fabric_here(run.config)
        model: nn.Module = load_model(run, checkpoint)
        data = split_of(config, split)
        check_unchanged(run, {split: data})
        dataset = SplitDataset(data)
        if config.frozen is not None:
            after = after_frozen(load_model(run, checkpoint), config).to(fabric.device)
            part = FrozenPart(after, config, run.folder.name)
            kept = part.kept({split: part.views(dataset, split)})
            model, dataset = after, SplitDataset(data, features=kept[split])
        return cls(run, split, model.eval().to(fabric.device), data, dataset, fabric.device)

    def observe(self, chosen: Chosen, twice: bool = True) -> Observations:
        """Explain one class of each image; without `twice`, `second` is the same as `energy`."""
        config = self.run.config
        batches = loader(self.dataset, config.evaluation_batch or config.batch, workers=config.workers)
        rows = []
        with steps(f"{self.run.folder.name}: maps", len(batches)) as bar:
            for batch in batches:
                rows.append(self._row(batch.to(self.device), chosen, twice))
                bar.advance()
        joined: list[Any] = [np.concatenate(column) for column in zip(*rows, strict=True)]
        return replace(Observations(*joined), classification=config.classification)

    def maps(
        self, index: Iterable[int], classes: Iterable[int], second: bool = False
    ) -> Iterator[Float[np.ndarray, "height width"]]:
        """Yield the raw signed map of one class of each image, of the run's attribution or the second one."""
        by = self.second if second else self.run.config
        for place, label in zip(index, classes, strict=True):
            batch = collate([self.dataset[int(place)]]).to(self.device)
            yield _maps(self._explained(batch, by), torch.tensor([int(label)]))[0].cpu().numpy()

    @property
    def second(self) -> Config:
        """The settings of the second attribution, for which a run of such settings is not trained."""
        return self.run.config.explained_by(*second_attribution(self.run.config))

    def _row(self, batch: Batch, chosen: Chosen, twice: bool) -> tuple[np.ndarray, ...]:
        config = self.run.config
        first = self._explained(batch, config)
        logits = first.logits.detach()
        classes = chosen(logits, batch.labels)
        maps = _maps(first, classes)
        deep, second = (first, maps), maps
        if twice or config.layer == "input":
            other = self._explained(batch, self.second)
            second = _maps(other, classes)
            deep = (other, second) if config.layer == "input" else deep  # pixels are no features
        found = (batch.index, logits, classes, _energy(maps, (GRID, GRID)), _energy(second, (GRID, GRID)))
        return tuple(each.cpu().numpy() for each in (*found, _pooled(*deep)))

    def _explained(self, batch: Batch, by: Config) -> Explanation:
        return capture(self.model, batch.inputs, by.own_method, by.layer, layout=by.layout)


def predicted(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the class of the largest logit of each image."""
    return logits.argmax(dim=1)


def present(logits: Tensor, labels: Tensor) -> Tensor:
    """Return a class that each image has: of several that of the largest logit, of none the first."""
    return torch.where(labels > 0, logits, -torch.inf).argmax(dim=1)


def _maps(explanation: Explanation, classes: Any) -> Float[Tensor, "batch height width"]:
    logits = explanation.logits
    return explanation.maps(as_pairs(classes, logits, logits.shape[1])).detach().float()


def _energy(maps: Tensor, size: tuple[int, int]) -> Float[Tensor, "batch rows columns"]:
    """Return the positive part in cells, as shares of its sum; all 0 where there is none."""
    cells = F.adaptive_avg_pool2d(maps.clamp(min=0).unsqueeze(1), size).squeeze(1)
    return cells / cells.sum(dim=(1, 2), keepdim=True).clamp(min=TINY)


def _pooled(explanation: Explanation, maps: Tensor) -> Float[Tensor, "batch channels"]:
    """Return the mean of the features, weighted by the energy at each place."""
    features = explanation.captured.features.detach().float()
    return torch.einsum("bchw,bhw->bc", features, _energy(maps, (features.shape[2], features.shape[3])))
