"""The classification loss of each image, and the probabilities that belong to it (`--classification`)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from model_guidance.errors import UserError
from model_guidance.training.settings import CROSS_ENTROPY, ONE_LOGIT


def probabilities_of(
    logits: Float[Tensor, "*batch classes"], classification: str
) -> Float[Tensor, "*batch classes"]:
    """Return the probabilities, in [0, 1]: softmax for "ce", else a sigmoid of each class."""
    return logits.softmax(dim=-1) if classification == CROSS_ENTROPY else logits.sigmoid()


@dataclass(frozen=True)
class ClassificationLoss:
    """Cross entropy over the classes ("ce"), or binary cross entropy of each, as published ("bce").

    "binary" is "bce": of the logits -z and z both classes have the binary cross entropy of the one logit z.

    `shares` are the classes' in training, in [0, 1]; with them every class counts the same (`--class_weights
    balanced`). Of C classes that occur, a target t (labels in [0, 1], a sum of 1) weighs an image's "ce" by

        1 / (C * sum_c t_c share_c),

    which is n / (C * n_c) for an image of class c. An entry of "bce" with the target t is weighed by

        1 / (2 * (t share_c + (1 - t) (1 - share_c))),

    which is n / (2 * n_c) for a positive and n / (2 * (n - n_c)) for a negative one: their ratio is the
    negatives / positives that is usual for `pos_weight` of torch, and every class weighs the same. The mean
    weight over the training images is 1. A target between 0 and 1, such as 1 / classes for composites without
    an object, stays where the loss is smallest. In "bce" a class that all images have, or none, has weight 1.
    """

    classification: str = "bce"
    shares: Float[Tensor, "classes"] | None = None

    def mean(
        self, logits: Float[Tensor, "batch classes"], labels: Float[Tensor, "batch classes"]
    ) -> Float[Tensor, ""]:
        """Return the mean over the images."""
        if self.classification == CROSS_ENTROPY or self.shares is not None:
            return self(logits, labels).mean()
        return F.binary_cross_entropy_with_logits(logits, labels)

    def __call__(
        self, logits: Float[Tensor, "batch classes"], labels: Float[Tensor, "batch classes"]
    ) -> Float[Tensor, "batch"]:
        """Return the loss of each image, in nats; of "bce" it is the mean over the classes."""
        if self.classification == CROSS_ENTROPY:
            losses = F.cross_entropy(logits, labels, reduction="none")
            return losses if self.shares is None else losses * _of_images(labels, self.shares)
        entries = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return (entries if self.shares is None else entries * _of_entries(labels, self.shares)).mean(dim=1)


def shares_of(labels: UInt8[np.ndarray, "images classes"]) -> Float[Tensor, "classes"]:
    """Return which share of the images has each class, in the default dtype."""
    return torch.from_numpy(labels.mean(axis=0)).to(torch.get_default_dtype())


def check_classification(classification: str, exclusive: bool, classes: int) -> None:
    """Raise `UserError` for data with other classes than the loss needs: exclusive, and two of them."""
    if classification not in (CROSS_ENTROPY, ONE_LOGIT):
        return
    if not exclusive:
        raise UserError(
            f"--classification {classification}: an image of these data may have several classes or none, "
            "exactly one is needed; leave it at bce"
        )
    if classes != 2 if classification == ONE_LOGIT else classes < 2:
        needed = "exactly two" if classification == ONE_LOGIT else "two or more"
        raise UserError(
            f"--classification {classification}: the data have {classes} classes, {needed} are needed; leave "
            "it at bce"
        )


def _of_images(labels: Tensor, shares: Tensor) -> Float[Tensor, "batch"]:
    shares = shares.to(labels)
    return 1 / ((shares > 0).sum() * (labels @ shares))


def _of_entries(labels: Tensor, shares: Tensor) -> Float[Tensor, "batch classes"]:
    shares = shares.to(labels)
    weights = 1 / (2 * (labels * shares + (1 - labels) * (1 - shares)))
    return torch.where((shares > 0) & (shares < 1), weights, torch.ones_like(weights))
