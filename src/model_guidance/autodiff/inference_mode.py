"""Maps need derivatives, also where a validation loop has told torch that none will be needed."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def ordinary_mode() -> AbstractContextManager[None]:
    """Leave `torch.inference_mode`, if one is in it."""
    if torch.compiler.is_compiling() or not torch.is_inference_mode_enabled():
        return nullcontext()
    return torch.inference_mode(False)


def ordinary(values: Tensor) -> Tensor:
    """Return values that autograd accepts: a copy of those that were made in inference mode."""
    if torch.compiler.is_compiling() or not values.is_inference():
        return values
    with torch.inference_mode(False):
        return values.clone()
