"""The operations of a network together with their adjoints, which are operations themselves.

An adjoint turns the gradient with respect to an operation's output into that with respect to its input. What
autograd does, when it is asked for a gradient that can be differentiated again, is general and slow; these
need one ordinary backward pass, keep little, serve several classes of an image at once, and can be compiled.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model_guidance.autodiff.adjoints import pooling as pooling_adjoints
from model_guidance.autodiff.adjoints.batch_norm import BatchNormAdjoint
from model_guidance.autodiff.dynamic_linear import Factor, multiply
from model_guidance.autodiff.rules import Recorded, Rows, of_image, pair


def _add(input: Tensor, other: Any, **scaled: Any) -> Recorded | None:
    return Recorded(input + other, _to_both) if not scaled and _alike(input, other) else None


def _add_in_place(input: Tensor, other: Any, **scaled: Any) -> Recorded | None:
    return Recorded(input.add_(other), _to_both) if not scaled and _alike(input, other) else None


def _alike(input: Any, other: Any) -> bool:
    tensors = [each for each in (input, other) if isinstance(each, Tensor)]
    return tensors[0].shape == tensors[-1].shape


def _to_both(gradient: Tensor, _: Rows) -> Tensor:
    return gradient


def _batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Recorded | None:
    if weight is None or running_var is None:
        return None
    output, mean, scale = torch.native_batch_norm(
        input, weight, bias, running_mean, running_var, training, momentum, eps
    )
    if training:
        return Recorded(output, lambda g, _: BatchNormAdjoint.apply(g, input, weight, mean, scale), tied=True)
    factor = (weight / (running_var + eps).sqrt()).view(1, -1, 1, 1)
    return Recorded(output, lambda gradient, rows: gradient * factor)


def _conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Recorded | None:
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

    return Recorded(F.conv2d(input, weight, bias, stride, padding, dilation, groups), adjoint)


def _pointwise(
    input: Tensor, weight: Tensor, bias: Tensor | None, stride: tuple[int, int], groups: int
) -> Recorded:
    """Skip the pixels first, on which the kernels of strided convolutions spend most of their time."""
    size = input.shape[2:]

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        seen = F.conv_transpose2d(gradient, weight, groups=groups)
        result = seen.new_zeros(*seen.shape[:2], *size)
        result[..., :: stride[0], :: stride[1]] = seen
        return result

    seen = input[..., :: stride[0], :: stride[1]]
    return Recorded(F.conv2d(seen, weight, bias, groups=groups), adjoint)


def _flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Recorded | None:
    if start_dim != 1 or end_dim not in (-1, input.ndim - 1):
        return None
    shape = input.shape[1:]
    copy = input.flatten(1).clone()  # a view would not be told of what happens to the original in place
    return Recorded(copy, lambda gradient, rows: gradient.view(len(gradient), *shape))


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Recorded:
    return Recorded(F.linear(input, weight, bias), lambda gradient, rows: gradient @ weight)


def _multiply(linear: Tensor, factor: Factor, layer: Any) -> Recorded:
    output, value = factor.scaled(linear)
    return Recorded(output, lambda gradient, rows: gradient * of_image(value, rows))


def _relu(input: Tensor, inplace: bool = False) -> Recorded:
    output = F.relu(input, inplace=inplace)
    if torch.is_grad_enabled():  # autograd keeps the output anyway
        backward = torch.ops.aten.threshold_backward
        return Recorded(output, lambda gradient, rows: backward(gradient, of_image(output, rows), 0))
    gate = output > 0
    return Recorded(output, lambda gradient, rows: gradient * of_image(gate, rows))


ADJOINTS: dict[Callable[..., Any], Callable[..., Recorded | None]] = {
    F.adaptive_avg_pool2d: pooling_adjoints.adaptive_avg_pool2d,
    F.avg_pool2d: pooling_adjoints.avg_pool2d,
    F.batch_norm: _batch_norm,
    F.conv2d: _conv2d,
    F.linear: _linear,
    F.max_pool2d: pooling_adjoints.max_pool2d,
    F.relu: _relu,
    torch.Tensor.add: _add,
    torch.Tensor.add_: _add_in_place,
    torch.Tensor.mean: pooling_adjoints.mean,
    torch.flatten: _flatten,
    torch.mean: pooling_adjoints.mean,
    multiply: _multiply,
}
"""Operations that a map can be taken back through, under the functions by which models call them."""

SUMS = (torch.Tensor.add, torch.Tensor.add_)
"""Those of them that may take the features, or what became of them, in more than one argument."""
