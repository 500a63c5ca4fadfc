"""Convolution with its adjoint, the transposed convolution; see `adjoints`."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from model_guidance.autodiff.rules import Operation, Rows, pair


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Operation | None:
    """Convolve; not where the padding is given by name."""
    if isinstance(padding, str):
        return None
    stride, padding, dilation = pair(stride), pair(padding), pair(dilation)
    if weight.shape[2:] == (1, 1) and stride != (1, 1) and padding == (0, 0):
        return _pointwise(input, weight, bias, stride, groups)
    # how many rows and columns at the end of the input no output has seen
    unseen = [
        (input.shape[2 + i] + 2 * padding[i] - dilation[i] * (weight.shape[2 + i] - 1) - 1) % stride[i]
        for i in (0, 1)
    ]

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        return F.conv_transpose2d(gradient, weight, None, stride, padding, unseen, groups, dilation)

    return Operation(F.conv2d(input, weight, bias, stride, padding, dilation, groups), adjoint)


def _pointwise(
    input: Tensor, weight: Tensor, bias: Tensor | None, stride: tuple[int, int], groups: int
) -> Operation:
    """Skip the pixels first, on which the kernels of strided convolutions spend most of their time."""
    size = input.shape[2:]

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        seen = F.conv_transpose2d(gradient, weight, groups=groups)
        result = seen.new_zeros(*seen.shape[:2], *size)
        result[..., :: stride[0], :: stride[1]] = seen
        return result

    seen = input[..., :: stride[0], :: stride[1]]
    return Operation(F.conv2d(seen, weight, bias, groups=groups), adjoint)
