"""Softmax and dropout with their adjoints, see `adjoints`."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model_guidance.autodiff.rules import Operation, of_image, unchanged

aten = torch.ops.aten


def softmax(input: Tensor, dim: int, _stacklevel: Any = 3, dtype: Any = None) -> Operation | None:
    """Shares of the exponentials; not along the images."""
    return _normalised(F.softmax(input, dim), input, dim, aten._softmax_backward_data, dtype)


def log_softmax(input: Tensor, dim: int, _stacklevel: Any = 3, dtype: Any = None) -> Operation | None:
    """Logarithms of the shares; not along the images."""
    return _normalised(F.log_softmax(input, dim), input, dim, aten._log_softmax_backward_data, dtype)


def _normalised(output: Tensor, input: Tensor, dim: int, backward: Any, dtype: Any) -> Operation | None:
    if dtype not in (None, input.dtype):
        return None
    kind = output.dtype
    return Operation(
        output,
        lambda g, rows: backward(g.to(kind), of_image(output, rows), dim, kind),
        mixes_images=dim % input.ndim == 0,
    )


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Operation | None:
    """Multiply by random zeros and ones, and by what makes up for it; the same random numbers as torch's."""
    if not training or p == 0:
        return unchanged(input)
    if p >= 1:
        return None
    kept = torch.empty_like(input).bernoulli_(1 - p).div_(1 - p)
    output = input.mul_(kept) if inplace else input * kept
    return Operation(output, lambda gradient, rows: gradient * of_image(kept, rows))
