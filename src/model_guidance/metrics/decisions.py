"""What a network decides for: the one rule behind scores, predictions, sheets and the page."""

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def decided(logits: Float[Tensor, "images classes"], exclusive: bool) -> Bool[Tensor, "images classes"]:
    """Return which classes are decided for.

    That is the one with the largest logit of several `exclusive` classes, the first of equal ones, else each
    whose logit is above 0: its probability is above 0.5.
    """
    if exclusive and logits.shape[1] > 1:
        return F.one_hot(logits.argmax(dim=1), logits.shape[1]).bool()
    return logits > 0
