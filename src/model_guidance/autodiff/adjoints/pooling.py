"""Pooling operations with their adjoints, see `adjoints`."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model_guidance.autodiff.rules import Operation, Rows, of_image, pair


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Operation | None:
    """Pool to one value; to no other size."""
    if pair(output_size) != (1, 1):
        return None
    return mean(input, dim=(2, 3), keepdim=True)


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Operation:
    """Average pooling."""
    window = pair(kernel_size), pair(stride or kernel_size), pair(padding)
    rest = ceil_mode, count_include_pad, divisor_override
    shape = input.shape[1:]

    def adjoint(gradient: Tensor, _: Rows) -> Tensor:
        like = gradient.new_empty(len(gradient), *shape)
        return torch.ops.aten.avg_pool2d_backward(gradient, like, *window, *rest)

    return Operation(F.avg_pool2d(input, *window, *rest), adjoint)


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Operation | None:
    """Maximum pooling: the gradient goes to where the maxima were."""
    if return_indices:
        return None
    output, indices = F.max_pool2d(
        input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True
    )
    shape = input.shape[1:]

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        empty = gradient.new_zeros(len(gradient), *shape)
        where = of_image(indices, rows).flatten(2)
        return empty.flatten(2).scatter_add(2, where, gradient.flatten(2)).view_as(empty)

    return Operation(output, adjoint)


def mean(input: Tensor, dim: Any = None, keepdim: bool = False, **others: Any) -> Operation | None:
    """Mean over the rows and columns of an image; no other mean."""
    if others or isinstance(dim, int) or tuple(d % input.ndim for d in dim or ()) != (2, 3):
        return None
    rows, columns = input.shape[2:]

    def adjoint(gradient: Tensor, _: Rows) -> Tensor:
        gradient = gradient.flatten(1)[:, :, None, None] / (rows * columns)
        return gradient.expand(-1, -1, rows, columns)

    return Operation(input.mean(dim=(2, 3), keepdim=keepdim), adjoint)
