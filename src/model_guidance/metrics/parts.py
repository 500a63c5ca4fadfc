"""What one batch contributes to the scores of a split, and joining the batches."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model_guidance.metrics.maps import MapScores

T = TypeVar("T", "Predictions", MapScores)


@dataclass(frozen=True)
class Predictions:
    """Logits and what they should be, for the images of one batch or of many."""

    logits: Float[Tensor, "images classes"]
    labels: Float[Tensor, "images classes"]
    groups: Int[Tensor, "images"]


@dataclass(frozen=True)
class BatchScores:
    """What one batch contributes; `predictions` by condition, "" for the images as they are."""

    maps: MapScores
    predictions: dict[str, Predictions]

    def cpu(self) -> "BatchScores":
        """Return the same in main memory, to be sent to another process."""
        conditions = {name: joined([part]) for name, part in self.predictions.items()}
        return BatchScores(joined([self.maps]), conditions)


def joined(parts: Sequence[T]) -> T:
    """Join the tensors of all parts, in main memory: the one place where the device is waited for."""
    columns = {f.name: [getattr(part, f.name) for part in parts] for f in fields(parts[0])}
    return replace(parts[0], **{name: torch.cat(column).cpu() for name, column in columns.items()})
