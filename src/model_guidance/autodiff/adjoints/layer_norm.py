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
    """`P = A(g w)` with `A(h) = s (h - mean h - x̂ mean(h x̂))` per row, `x̂ = s (x - mean x)`, `s = 1 / std x`.

    `A` is its own transpose, so with v, the gradient that reaches the output, and `Q = A(v)` those that reach
    g and w are `w Q` and the sum of `g Q` over the rows. From `<v, P> = n s (cov(h, v) - a b)` for n values
    with `h = g w`, `a = mean(h x̂)`, `b = mean(v x̂)` follows that of x, `-s (mean(v P) x̂ + b P + a Q)`.
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
        ctx.shape = shape
        found = _adjoint(gradient, x, shape, mean, scale, weight)
        ctx.save_for_backward(gradient, weight, x, mean, scale, found)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        gradient, weight, x, mean, scale, p = ctx.saved_tensors
        v, shape = outer[0].contiguous(), ctx.shape
        q = _adjoint(v, x, shape, mean, scale, None)
        unit = (x - mean).mul_(scale)
        along_h, to_w = gradient * unit, None
        if weight is not None:
            along_h, to_w = along_h.mul_(weight), (gradient * q).sum_to_size(shape)
        along_v, twist = v * unit, v * p
        a, b, c = (_mean(each, shape).mul_(-scale) for each in (along_h, along_v, twist))
        to_x = unit.mul_(c).addcmul_(p, b).addcmul_(q, a)
        return q if weight is None else q.mul_(weight), to_w, None, to_x, None, None


def _mean(values: Tensor, shape: list[int]) -> Tensor:
    return values.mean(list(range(-len(shape), 0)), keepdim=True)


def _adjoint(
    gradient: Tensor, x: Tensor, shape: list[int], mean: Tensor, scale: Tensor, weight: Tensor | None
) -> Tensor:
    found: Tensor = torch.ops.aten.native_layer_norm_backward(
        gradient, x, shape, mean, scale, weight, None, [True, False, False]
    )[0]
    return found
