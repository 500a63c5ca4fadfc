"""What every weighting of training images is: a module, whose state a run keeps."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from model_guidance.errors import UserError
from model_guidance.types import Batch


@dataclass(frozen=True)
class Known:
    """What is known of the training images: their groups, -1 for none, and which an earlier run got wrong.

    `upweight` is how often an image counts that it got wrong.
    """

    groups: Int[np.ndarray, "images"]
    wrong: Bool[np.ndarray, "images"] | None = None
    upweight: float = 1.0


class Weighting(nn.Module, ABC):
    """Factors of the classification losses of a batch, with a mean of 1 over the training images.

    What was made beside the images of the data set has a factor of 1: composites, and images that are only
    guided. Made of what is `Known`; raises `UserError` if that is not enough.
    """

    uses_groups = False  # whether the groups of the training images must be known

    def __init__(self, known: Known):
        super().__init__()

    @abstractmethod
    def forward(self, losses: Float[Tensor, "batch"], batch: Batch) -> Float[Tensor, "batch"]:
        """Return the factors, given each image's loss, detached; in training, some learn from them."""


def counted(batch: Batch) -> Bool[Tensor, "batch"]:
    """Return which images of a batch have a group and a classification loss that counts."""
    grouped = batch.groups >= 0
    return grouped if batch.weights is None else grouped & (batch.weights > 0)


def group_counts(known: Known, name: str) -> Int[np.ndarray, "groups"]:
    """Return how many training images each group has; raises `UserError` if fewer than two are known."""
    counts = np.bincount(known.groups[known.groups >= 0])
    if (counts > 0).sum() < 2:
        raise UserError(
            f"--weighting {name}: the training images have {(counts > 0).sum()} known groups, at least 2 are "
            "needed"
        )
    return counts
