"""Activation functions with their adjoints, see `adjoints`."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from model_guidance.autodiff.rules import Operation, of_image

aten = torch.ops.aten
Rule = Callable[..., Operation | None]


def relu(input: Tensor, inplace: bool = False) -> Operation:
    """Rectify; the gradient passes where the output is positive."""
    output = F.relu(input, inplace=inplace)
    if torch.is_grad_enabled():  # autograd keeps the output anyway
        kept = output.detach()
        return Operation(output, lambda g, rows: aten.threshold_backward(g, of_image(kept, rows), 0))
    gate = output > 0
    return Operation(output, lambda gradient, rows: gradient * of_image(gate, rows))


def hardtanh(input: Tensor, min_val: float = -1, max_val: float = 1, inplace: bool = False) -> Operation:
    """Limit; the gradient passes between the limits."""
    output = F.hardtanh(input, min_val, max_val, inplace)
    kept = (output if inplace else input).detach()  # what autograd keeps: nobody changes it in place

    def adjoint(gradient: Tensor, rows: Any) -> Tensor:
        return aten.hardtanh_backward(gradient, of_image(kept, rows), min_val, max_val)

    return Operation(output, adjoint)


def relu6(input: Tensor, inplace: bool = False) -> Operation:
    """Limit to 0 ... 6."""
    return hardtanh(input, 0.0, 6.0, inplace)


def clamp(input: Tensor, min: Any = None, max: Any = None, inplace: bool = False) -> Operation | None:
    """Limit to numbers; the gradient passes between and at them."""
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return None
    low, high = -math.inf if min is None else min, math.inf if max is None else max
    gate = (input >= low) & (input <= high)
    output = input.clamp_(min, max) if inplace else input.clamp(min, max)
    return Operation(output, lambda gradient, rows: gradient * of_image(gate, rows))


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Operation:
    """Rectify, and weaken what is negative."""
    positive = input > 0
    output = F.leaky_relu(input, negative_slope, inplace)

    def adjoint(gradient: Tensor, rows: Any) -> Tensor:
        return torch.where(of_image(positive, rows), gradient, gradient * negative_slope)

    return Operation(output, adjoint)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Operation:
    """Compute `relu6(x + 3) / 6`; the gradient passes between -3 and 3."""
    slope = (input.abs() < 3).to(input.dtype) / 6
    return Operation(F.hardsigmoid(input, inplace), lambda g, rows: g * of_image(slope, rows))


def sigmoid(input: Tensor, inplace: bool = False) -> Operation:
    """Compute y = 1 / (1 + exp -x), whose slope is y (1 - y)."""
    output = torch.sigmoid_(input) if inplace else torch.sigmoid(input)
    return Operation(output, lambda g, rows: aten.sigmoid_backward(g, of_image(output, rows)))


def tanh(input: Tensor, inplace: bool = False) -> Operation:
    """Compute y = tanh x, whose slope is 1 - y²."""
    output = torch.tanh_(input) if inplace else torch.tanh(input)
    return Operation(output, lambda g, rows: aten.tanh_backward(g, of_image(output, rows)))


def silu(input: Tensor, inplace: bool = False) -> Operation:
    """Compute `x sigmoid x`."""
    return _smooth(F.silu, aten.silu_backward, _silu_curve, input, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Operation:
    """Compute `x hardsigmoid x`."""
    return _smooth(F.hardswish, aten.hardswish_backward, _hardswish_curve, input, inplace)


def gelu(input: Tensor, approximate: str = "none") -> Operation:
    """Compute x times the normal distribution's share below x, or its approximation by a tanh."""
    curve = _gelu_curve if approximate == "none" else _gelu_tanh_curve

    def backward(gradient: Tensor, x: Tensor) -> Tensor:
        return aten.gelu_backward(gradient, x, approximate=approximate)

    output = F.gelu(input, approximate=approximate)
    return Operation(output, lambda g, rows: _Slope.apply(g, of_image(input, rows), backward, curve))


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Operation:
    """Compute `alpha (exp x - 1)` where x is negative."""
    return _smooth(
        lambda x, inplace: F.elu(x, alpha, inplace),
        lambda gradient, x: aten.elu_backward(gradient, alpha, 1, 1, False, x),
        lambda x: torch.where(x < 0, alpha * x.clamp(max=0).exp(), 0),
        input,
        inplace,
    )


def softplus(input: Tensor, beta: float = 1, threshold: float = 20) -> Operation:
    """Compute `log(1 + exp(beta x)) / beta`."""
    output = F.softplus(input, beta, threshold)
    return Operation(output, lambda g, rows: g * torch.sigmoid(beta * of_image(input, rows)))


def _smooth(
    function: Callable[..., Tensor],
    backward: Callable[[Tensor, Tensor], Tensor],
    curve: Callable[[Tensor], Tensor],
    input: Tensor,
    inplace: bool,
) -> Operation:
    kept = input.clone() if inplace else input
    output = function(input, inplace=inplace)
    return Operation(output, lambda g, rows: _Slope.apply(g, of_image(kept, rows), backward, curve))


class _Slope(torch.autograd.Function):
    """`g f'(x)`, computed by `backward(g, x)`; `curve(x)` is f''."""

    @staticmethod
    def forward(
        ctx: Any,
        gradient: Tensor,
        x: Tensor,
        backward: Callable[[Tensor, Tensor], Tensor],
        curve: Callable[[Tensor], Tensor],
    ) -> Tensor:
        ctx.save_for_backward(gradient, x)
        ctx.slope, ctx.curve = backward, curve
        return backward(gradient, x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor, None, None]:
        gradient, x = ctx.saved_tensors
        return ctx.slope(outer[0], x), ctx.curve(x).mul_(gradient).mul_(outer[0]), None, None


def _silu_curve(x: Tensor) -> Tensor:
    """`s (1 - s) (2 + x (1 - 2 s))`."""
    s = torch.sigmoid(x)
    return (1 - 2 * s).mul_(x).add_(2).mul_(s).mul_(1 - s)


def _hardswish_curve(x: Tensor) -> Tensor:
    return (x.abs() < 3).to(x.dtype).div_(3)


def _gelu_curve(x: Tensor) -> Tensor:
    """`p(x) (2 - x²)` with the normal density p."""
    square = x.square()
    return square.mul(-0.5).exp_().mul_(1 / math.sqrt(2 * math.pi)).mul_(square.neg_().add_(2))


def _gelu_tanh_curve(x: Tensor) -> Tensor:
    """`(1 - t²) (u' + x (u'' / 2 - t u'²))` with `t = tanh u`, `u = c (x + a x³)`."""
    c, a = math.sqrt(2 / math.pi), 0.044715
    square = x.square()
    t = (c * x).mul_(a * square + 1).tanh_()
    first = (3 * a * c * square).add_(c)
    return (3 * a * c * x - t * first.square()).mul_(x).add_(first).mul_(1 - t.square())
