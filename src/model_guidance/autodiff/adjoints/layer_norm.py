"""Layer normalisation with its adjoint, and the derivative of that in closed form."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from model_guidance.autodiff.rules import Operation, Rows, of_image

HALF = (torch.float16, torch.bfloat16)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Operation:
    """Normalise each row over its last axes; under autocast in float32, as torch does."""
    cast = input.dtype in HALF and torch.is_autocast_enabled(input.device.type)
    x, shape = input.float() if cast else input, list(normalized_shape)
    output, mean, scale = torch.native_layer_norm(x, shape, weight, bias, eps)
    mean, scale = mean.detach(), scale.detach()

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        kept = [of_image(each, rows) for each in (x, mean, scale)]
        return _LayerNormAdjoint.apply(gradient.contiguous(), weight, shape, *kept).to(input.dtype)

    return Operation(output, adjoint, mixes_images=len(shape) == input.ndim)


class _LayerNormAdjoint(torch.autograd.Function):
    """`A(g w)` with `A(h) = s (h - mean h - x̂ mean(h x̂))` per row, `x̂ = s (x - mean x)`, `s = 1 / std x`.

    `A` is its own transpose, so with v, the gradient that reaches the output, those that reach g and w are
    `w A(v)` and the sum of `g A(v)` over the rows. With `h = g w`, `a = mean(h x̂)`, `b = mean(v x̂)` and
    `c = cov(h, v)`, that of x is `s² [(3 a b - c) x̂ - b (h - mean h) - a (v - mean v)]`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        gradient: Tensor,
        weight: Tensor | None,
        shape: list[int],
        x: Tensor,
        mean: Tensor,
        scale: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(gradient, weight, x, mean, scale)
        ctx.shape = shape
        return _adjoint(gradient, x, shape, mean, scale, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        gradient, weight, x, mean, scale = ctx.saved_tensors
        v, axes = outer[0].contiguous(), list(range(-len(ctx.shape), 0))
        to_g = _adjoint(v, x, ctx.shape, mean, scale, None)
        to_w, h = None, gradient
        if weight is not None:
            to_w = (gradient * to_g).sum(list(range(x.ndim - len(axes))))
            to_g, h = to_g.mul_(weight), gradient * weight
        unit = (x - mean).mul_(scale)
        mean_h, mean_v = h.mean(axes, keepdim=True), v.mean(axes, keepdim=True)
        a, b = (h * unit).mean(axes, keepdim=True), (v * unit).mean(axes, keepdim=True)
        c = (h * v).mean(axes, keepdim=True) - mean_h * mean_v
        square = scale.square()
        to_x = unit.mul_(square * (3 * a * b - c)).addcmul_(h, -square * b).addcmul_(v, -square * a)
        return to_g, to_w, None, to_x.add_(square * (b * mean_h + a * mean_v)), None, None


def _adjoint(
    gradient: Tensor, x: Tensor, shape: list[int], mean: Tensor, scale: Tensor, weight: Tensor | None
) -> Tensor:
    found: Tensor = torch.ops.aten.native_layer_norm_backward(
        gradient, x, shape, mean, scale, weight, None, [True, False, False]
    )[0]
    return found
