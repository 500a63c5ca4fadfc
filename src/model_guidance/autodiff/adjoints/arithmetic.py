"""Sums, matrix products and changes of shape with their adjoints, see `adjoints`."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from model_guidance.autodiff.rules import Operation, Rows


def add(input: Tensor, other: Any, **scaled: Any) -> Operation | None:
    """Add two tensors of one shape; no scaled or broadcast sum."""
    return Operation(input + other, _to_both) if not scaled and _alike(input, other) else None


def add_in_place(input: Tensor, other: Any, **scaled: Any) -> Operation | None:
    """Add in place."""
    return Operation(input.add_(other), _to_both) if not scaled and _alike(input, other) else None


def _alike(input: Any, other: Any) -> bool:
    tensors = [each for each in (input, other) if isinstance(each, Tensor)]
    return tensors[0].shape == tensors[-1].shape


def _to_both(gradient: Tensor, _: Rows) -> Tensor:
    return gradient


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Operation | None:
    """Make a row of each image; nothing else."""
    if start_dim != 1 or end_dim not in (-1, input.ndim - 1):
        return None
    shape = input.shape[1:]
    copy = input.flatten(1).clone()  # a view would not be told of what happens to the original in place
    return Operation(copy, lambda gradient, rows: gradient.view(len(gradient), *shape))


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Operation:
    """Multiply by a matrix."""
    return Operation(F.linear(input, weight, bias), lambda gradient, rows: gradient @ weight)
