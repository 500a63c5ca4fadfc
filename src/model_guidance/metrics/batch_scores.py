"""What one batch contributes to the scores of a split, and joining the batches."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from model_guidance.metrics.decisions import decided
from model_guidance.metrics.maps import MapScores

T = TypeVar("T", "Predictions", MapScores)
Condition = tuple[str, str]  # the side whose pixels were replaced and with what, such as outside, mean
INTACT = "intact"  # the side of no pixel


@dataclass(frozen=True)
class Predictions:
    """Logits and what they should be, for the images of one batch or of many."""

    logits: Float[Tensor, "images classes"]
    labels: Float[Tensor, "images classes"]
    groups: Int[Tensor, "images"]

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, chosen: Tensor) -> "Predictions":
        return Predictions(self.logits[chosen], self.labels[chosen], self.groups[chosen])

    def decisions(self, exclusive: bool) -> Bool[Tensor, "images classes"]:
        """Return what is decided for."""
        return decided(self.logits, exclusive)

    def right(self, exclusive: bool) -> Float[Tensor, "images 2"]:
        """Return each image's share of the main score: two columns, whose sums, divided, are the score.

        Of accuracy they are 1 for a right answer and 1; of F1 twice the right positives and all positives,
        found or wanted. They are whole numbers in float64.
        """
        if exclusive:
            right = (self.logits.argmax(dim=1) == self.labels.argmax(dim=1)).double()
            return torch.stack([right, torch.ones_like(right)], dim=1)
        found, wanted = self.decisions(exclusive), self.labels > 0
        both = 2 * (found & wanted).sum(dim=1)
        return torch.stack([both, found.sum(dim=1) + wanted.sum(dim=1)], dim=1).double()


@dataclass(frozen=True)
class BatchScores:
    """What one batch contributes; `conditions` are of the images that are `chosen`, each with a region.

    `index` are the images' positions in the split. Of each map, `owners` is the image's position in the batch
    and `area` the share of the image that its region covers.
    """

    maps: MapScores
    predictions: Predictions
    conditions: dict[Condition, Predictions]
    chosen: Bool[Tensor, "images"]
    index: Int[Tensor, "images"]
    owners: Int[Tensor, "pairs"]
    area: Float[Tensor, "pairs"]

    def cpu(self) -> "BatchScores":
        """Return the same in main memory, to be sent to another process."""
        conditions = {name: joined([one]) for name, one in self.conditions.items()}
        placed = (each.cpu() for each in (self.chosen, self.index, self.owners, self.area))
        return BatchScores(joined([self.maps]), joined([self.predictions]), conditions, *placed)


def joined(batches: Sequence[T]) -> T:
    """Join the tensors of all batches, in main memory: the one place where the device is waited for."""
    columns: dict[str, list[Any]] = {
        field.name: [getattr(each, field.name) for each in batches] for field in fields(batches[0])
    }
    return replace(batches[0], **{name: _joined(column) for name, column in columns.items()})


def _joined(column: list[Any]) -> Any:
    if isinstance(column[0], dict):
        return {name: torch.cat([each[name] for each in column]).cpu() for name in column[0]}
    return torch.cat(column).cpu()
