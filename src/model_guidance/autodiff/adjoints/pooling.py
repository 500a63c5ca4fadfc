"""Pooling and resizing with their adjoints, see `adjoints`."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model_guidance.autodiff.rules import Operation, Rows, moves_images, of_image, pair, shape_of


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Operation | None:
    """Average pooling to a size."""
    if output_size in (1, (1, 1), [1, 1]) and input.ndim == 4:
        return mean(input, dim=(2, 3), keepdim=True)
    return linear_in_images(lambda x: F.adaptive_avg_pool2d(x, output_size))(input)


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
    if return_indices or input.ndim != 4:
        return None
    output, indices = F.max_pool2d(
        input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True
    )
    return Operation(output, _to_maxima(input, indices))


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Operation | None:
    """Maximum pooling to a size."""
    if return_indices or input.ndim != 4:
        return None
    output, indices = F.adaptive_max_pool2d(input, output_size, return_indices=True)
    return Operation(output, _to_maxima(input, indices))


def _to_maxima(input: Tensor, indices: Tensor) -> Callable[[Tensor, Rows], Tensor]:
    shape = input.shape[1:]

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        empty = gradient.new_zeros(len(gradient), *shape)
        where = of_image(indices, rows).flatten(2)
        return empty.flatten(2).scatter_add(2, where, gradient.flatten(2)).view_as(empty)

    return adjoint


def mean(input: Tensor, dim: Any = None, keepdim: bool = False, **others: Any) -> Operation | None:
    """Mean over axes."""
    axes = _axes(input, dim)
    if _given(others):
        return None
    count = math.prod([input.shape[d] for d in axes])
    return _reduced(input, input.mean(axes, keepdim=keepdim), axes, count)


def sum(input: Tensor, dim: Any = None, keepdim: bool = False, **others: Any) -> Operation | None:
    """Sum over axes."""
    axes = _axes(input, dim)
    return None if _given(others) else _reduced(input, input.sum(axes, keepdim=keepdim), axes, 1)


def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Operation:
    """Maximum over axes; equal maxima share the gradient, as in torch."""
    axes = _axes(input, dim)
    output = input.amax(axes, keepdim=True)
    largest = (input == output).to(input.dtype)
    share = largest / largest.sum(axes, keepdim=True)

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        kept = of_image(share, rows)
        return gradient.reshape([1 if d in axes else size for d, size in enumerate(kept.shape)]) * kept

    return Operation(output if keepdim else output.squeeze(axes), adjoint, 0 in axes)


def _given(others: dict[str, Any]) -> bool:
    return any(value is not None for value in others.values())


def _axes(input: Tensor, dim: Any) -> tuple[int, ...]:
    dims = () if dim is None else dim if isinstance(dim, list | tuple) else (dim,)
    return tuple([d % input.ndim for d in dims]) or tuple(range(input.ndim))


def _reduced(input: Tensor, output: Tensor, axes: tuple[int, ...], count: int) -> Operation:
    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        shape = shape_of(input, gradient, rows)
        ones = [1 if d in axes else size for d, size in enumerate(shape)]
        scaled = gradient if count == 1 else gradient / count
        return scaled.reshape(ones).expand(shape)

    return Operation(output, adjoint, 0 in axes)


def linear_in_images(function: Callable[..., Tensor]) -> Callable[..., Operation]:
    """Return the rule of a rare function that is linear in its first argument, image by image.

    The transpose of a linear function is its derivative, anywhere: autograd finds it at zero.
    """

    def rule(input: Tensor, *settings: Any, **named: Any) -> Operation:
        output = function(input, *settings, **named)

        def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
            with torch.enable_grad():
                start = gradient.new_zeros(shape_of(input, gradient, rows)).requires_grad_()
                end = function(start, *settings, **named)
            return torch.autograd.grad(end, start, gradient, create_graph=torch.is_grad_enabled())[0]

        return Operation(output, adjoint, moves_images(input, output))

    return rule


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Operation | None:
    """Pad; by a constant or by values of the image."""
    pad = list(pad)
    if mode != "constant":
        return linear_in_images(F.pad)(input, pad, mode)
    output = F.pad(input, pad, mode, value)
    back = [-each for each in pad]
    moved = len(pad) == 2 * input.ndim and any(pad[-2:])
    return Operation(output, lambda gradient, rows: F.pad(gradient, back), moved)
