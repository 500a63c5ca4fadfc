"""The factors of B-cos layers, with derivatives in closed form for where a network is followed by a tape.

autograd derives the same from the formulas, in twice as many passes over the activations.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from model_guidance.autodiff.dynamic_linear import Factor


class Cosine(Factor):
    """`f = |l| / n` with `l = ŵ · x` and `n` the norm of the patch: the absolute cosine between w and x.

    The norm has the shape of l, or one that is broadcast to it.
    """

    def __init__(self, norm: Callable[[], Tensor]):
        super().__init__(lambda linear: linear.abs() / norm())
        self.norm = norm

    def scaled(self, linear: Tensor) -> tuple[Tensor, Tensor]:
        """Return `l f` and f."""
        return _CosineScale.apply(linear, self.norm())


class Deviation(Factor):
    """`f = w / sqrt(var x + eps)`, the factor of uncentred batch normalisation with batch statistics.

    `statistics` returns variance and mean of each channel.
    """

    def __init__(self, weight: Tensor, eps: float, statistics: Callable[[], tuple[Tensor, Tensor]]):
        super().__init__(lambda _: (weight / (statistics()[0] + eps).sqrt()).view(1, -1, 1, 1))
        self.weight, self.eps, self.statistics = weight, eps, statistics

    def scaled(self, linear: Tensor) -> tuple[Tensor, Tensor]:
        """Return `x f` and f."""
        with torch.no_grad():
            variance, mean = self.statistics()
        return _DeviationScale.apply(linear, self.weight, mean, (variance + self.eps).rsqrt())


class _CosineScale(torch.autograd.Function):
    """With `q = (g_y l + g_f) / n`: `g_l = g_y f + q sign l`, `g_n = -sum q f` where n is broadcast."""

    @staticmethod
    def forward(ctx: Any, linear: Tensor, norm: Tensor) -> tuple[Tensor, Tensor]:
        factor = linear.abs() / norm
        ctx.save_for_backward(linear, norm, factor)
        return linear * factor, factor

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor]:
        linear, norm, factor = ctx.saved_tensors
        linear = linear.to(factor.dtype)  # lower where convolutions run in half precision
        quotient = torch.addcmul(outer[1], outer[0], linear).div_(norm)
        to_linear = (outer[0] * factor).addcmul_(quotient, linear.sign())
        return to_linear, -quotient.mul_(factor).sum_to_size(norm.shape)


class _DeviationScale(torch.autograd.Function):
    """`g_x = g_y f - h w s³ (x - mean) / N` and `g_w = h s`.

    Here `s = 1 / sqrt(var + eps)` and `h = sum g_y x + g_f`; N is the number of values in a channel.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        factor = (weight * scale).to(x.dtype).view(1, -1, 1, 1)
        ctx.save_for_backward(x, weight, mean, scale, factor)
        return x * factor, factor

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, weight, mean, scale, factor = ctx.saved_tensors
        total = (outer[0] * x).sum(dim=(0, 2, 3), dtype=scale.dtype) + outer[1].flatten()
        slope = -total * weight * scale**3 * len(weight) / x.numel()
        constant = (-slope * mean).to(x.dtype).view(1, -1, 1, 1)
        to_x = torch.addcmul(constant, outer[0], factor).addcmul_(x, slope.to(x.dtype).view(1, -1, 1, 1))
        return to_x, total * scale, None, None
