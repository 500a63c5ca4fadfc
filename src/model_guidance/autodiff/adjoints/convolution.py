"""Convolutions with their adjoints, which are transposed convolutions; see `adjoints`."""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from model_guidance.autodiff.adjoints.indexing import placed
from model_guidance.autodiff.rules import Operation, Rows

Convolve = Callable[..., Tensor]


def convolution(dims: int, convolve: Convolve, transposed: Convolve) -> Callable[..., Operation | None]:
    """Return the rule of the convolution over `dims` axes."""

    def rule(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Operation | None:
        stride, dilation = _each(stride, dims), _each(dilation, dims)
        if padding == "valid":
            padding = 0
        if padding == "same":
            sides = [dilation[i] * (weight.shape[2 + i] - 1) for i in range(dims)]
            padding = "uneven" if any(side % 2 for side in sides) else tuple(side // 2 for side in sides)
        if isinstance(padding, str) or input.ndim != dims + 2:
            return None
        padding = _each(padding, dims)
        if set(weight.shape[2:]) == {1} and set(stride) != {1} and set(padding) == {0} and dims == 2:
            return _pointwise(input, weight, bias, stride, groups)
        beside = tuple(weight.shape[2:]) == stride and set(padding) == {0} and set(dilation) == {1}
        if beside and set(stride) != {1} and groups == 1 and dims == 2:
            return _patchwise(input, weight, bias)
        # how many rows and columns at the end of the input no output has seen
        unseen = [
            (input.shape[2 + i] + 2 * padding[i] - dilation[i] * (weight.shape[2 + i] - 1) - 1) % stride[i]
            for i in range(dims)
        ]

        def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
            return transposed(gradient, weight, None, stride, padding, unseen, groups, dilation)

        return Operation(convolve(input, weight, bias, stride, padding, dilation, groups), adjoint)

    return rule


conv1d = convolution(1, F.conv1d, F.conv_transpose1d)
conv2d = convolution(2, F.conv2d, F.conv_transpose2d)
conv3d = convolution(3, F.conv3d, F.conv_transpose3d)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Operation | None:
    """Go up by a transposed convolution; back by the convolution."""
    if input.ndim != 4:
        return None
    output = F.conv_transpose2d(input, weight, bias, stride, padding, output_padding, groups, dilation)

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        found = F.conv2d(gradient, weight, None, stride, padding, dilation, groups)
        return found[..., : input.shape[2], : input.shape[3]]

    return Operation(output, adjoint)


def _each(value: Any, dims: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * dims
    return tuple(value) * dims if len(value) == 1 else tuple(value)


def _pointwise(
    input: Tensor, weight: Tensor, bias: Tensor | None, stride: tuple[int, ...], groups: int
) -> Operation:
    """Skip the pixels first, on which the kernels of strided convolutions spend most of their time."""
    every = (..., slice(None, None, stride[0]), slice(None, None, stride[1]))

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        seen = F.conv_transpose2d(gradient, weight, groups=groups)
        return placed(seen, every, (*seen.shape[:2], *input.shape[2:]))

    return Operation(F.conv2d(input[every], weight, bias, groups=groups), adjoint)


def _patchwise(input: Tensor, weight: Tensor, bias: Tensor | None) -> Operation:
    """Multiply by a matrix where windows lie side by side: kernels of convolutions take longer for it."""
    channels, (height, width) = input.shape[1], input.shape[2:]
    h, w = weight.shape[2:]
    rows, columns = height // h, width // w
    matrix, unseen = weight.flatten(1), (0, width - columns * w, 0, height - rows * h)

    def adjoint(gradient: Tensor, _: Rows) -> Tensor:
        patches = (gradient.permute(0, 2, 3, 1) @ matrix).view(-1, rows, columns, channels, h, w)
        seen = patches.permute(0, 3, 1, 4, 2, 5).reshape(-1, channels, rows * h, columns * w)
        return F.pad(seen, unseen) if any(unseen) else seen

    seen = input[..., : rows * h, : columns * w]
    patches = seen.reshape(-1, channels, rows, h, columns, w).permute(0, 2, 4, 1, 3, 5).flatten(3)
    return Operation(F.linear(patches, matrix, bias).permute(0, 3, 1, 2).contiguous(), adjoint)
