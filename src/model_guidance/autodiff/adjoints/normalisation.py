"""Batch normalisation with its adjoint, and the derivative of that in closed form."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from model_guidance.autodiff.batch_statistics import check_several
from model_guidance.autodiff.rules import Operation

EPSILON = 0.0  # torch's kernel asks for it and does not use it: it is part of the saved scale


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Operation | None:
    """Normalise with the running statistics or those of the batch; not without a weight."""
    if weight is None or running_var is None:
        return None
    if training:
        check_several(input)
    output, mean, scale = torch.native_batch_norm(
        input, weight, bias, running_mean, running_var, training, momentum, eps
    )
    if training:
        return Operation(
            output, lambda g, _: BatchNormAdjoint.apply(g, input, weight, mean, scale), mixes_images=True
        )
    factor = _channels(weight / (running_var + eps).sqrt(), input)
    return Operation(output, lambda gradient, rows: gradient * factor)


class BatchNormAdjoint(torch.autograd.Function):
    """`B(g) = w s (g - mean g - x̂ mean(g x̂))` per channel, with `x̂ = s (x - mean x)`, `s = 1 / std x`.

    `B` is its own transpose, so the gradient that reaches `g` is `B(v)`, `v` being the one that reaches the
    output. With `a = mean(g x̂)`, `b = mean(v x̂)`, `c = cov(g, v)` over the N values of a channel,
    `<v, B(g)> = N w s (c - a b)`, from which the gradients of `w` and `x` follow:
    `N s (c - a b)` and `w s² [(3 a b - c) x̂ - b (g - mean g) - a (v - mean v)]`.
    """

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, weight: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        """Return `B(gradient)`; `mean` and `scale` are those of `x`, one number per channel."""
        result, along, total = _adjoint(gradient, x, weight, mean, scale)
        ctx.save_for_backward(gradient, x, weight, mean, scale, along, total)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        """Return the gradients that reach `gradient`, `x` and `weight`."""
        v = outer[0].contiguous()
        g, x, weight, mean, scale, along, total = ctx.saved_tensors
        count = x.numel() / len(weight)
        to_g, v_along, v_total = _adjoint(v, x, weight, mean, scale)
        a, b = along / count, v_along / count
        mean_g, mean_v = total / count, v_total / count
        c = (g * v).sum(dim=[i for i in range(x.ndim) if i != 1], dtype=mean.dtype) / count - mean_g * mean_v
        along_x = weight * scale**3 * (3 * a * b - c)
        along_g, along_v = -weight * scale**2 * b, -weight * scale**2 * a
        constant = -(along_x * mean + along_g * mean_g + along_v * mean_v)
        to_x = torch.addcmul(_channels(constant, x), x, _channels(along_x, x))
        to_x.addcmul_(g, _channels(along_g, x)).addcmul_(v, _channels(along_v, x))
        return to_g, to_x, count * scale * (c - a * b), None, None


def _channels(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like.dtype).view(1, -1, *[1] * (like.ndim - 2))


def _adjoint(
    gradient: Tensor, x: Tensor, weight: Tensor, mean: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return `B(gradient)`, `sum(gradient x̂)` and `sum(gradient)`."""
    return torch.ops.aten.native_batch_norm_backward(
        gradient, x, weight, None, None, mean, scale, True, EPSILON, [True, True, True]
    )
