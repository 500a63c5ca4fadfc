"""Scaling of maps, safe whatever their magnitude: finite values and finite gradients."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

NOTHING = 2.0**40  # times the smallest normal number: the gradient of a map below that is beyond all numbers


def ratio(numerator: Tensor, denominator: Tensor, otherwise: float = 0.0) -> Tensor:
    """Return `numerator / denominator`, and `otherwise` (with zero gradient) where the denominator is 0.

    There is no threshold: a ratio must not change when both are multiplied by 1e-12.
    """
    empty = denominator == 0
    return torch.where(empty, otherwise, numerator) / torch.where(empty, 1.0, denominator)


def rescaled(maps: Float[Tensor, "pairs height width"]) -> Float[Tensor, "pairs height width"]:
    """Return maps whose largest magnitude is between 1/2 and 1, in at least float32.

    Each is multiplied by a power of two, which changes no digit, so that no sum overflows and none vanishes.
    """
    return _Rescaled.apply(maps)


def positive_part(maps: Float[Tensor, "pairs height width"]) -> Float[Tensor, "pairs height width"]:
    """Return `Â+ = A+ / max A+`, in [0, 1]; a map without a positive value becomes zero."""
    positive = rescaled(maps).relu()
    return ratio(positive, positive.amax(dim=(1, 2), keepdim=True))


def signed(maps: Float[Tensor, "pairs height width"]) -> Float[Tensor, "pairs height width"]:
    """Return `Â = A / max |A|`, in [-1, 1]; a zero map stays zero."""
    scaled = rescaled(maps)
    return ratio(scaled, scaled.abs().amax(dim=(1, 2), keepdim=True))


class _Rescaled(torch.autograd.Function):
    """The scale is a constant: what is computed from the maps must not depend on it."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> Tensor:
        precise = maps.to(torch.promote_types(maps.dtype, torch.float32))
        largest = precise.abs().amax(dim=(1, 2), keepdim=True)
        exponent = torch.frexp(largest).exponent
        half = -exponent // 2  # the whole power may be too large for a number
        ctx.factors = [torch.ldexp(torch.ones_like(largest), each) for each in (half, -exponent - half)]
        ctx.nothing = largest < NOTHING * torch.finfo(precise.dtype).tiny
        ctx.dtype = maps.dtype
        return precise * ctx.factors[0] * ctx.factors[1]

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Tensor:
        limit = torch.finfo(ctx.dtype).max
        gradient = torch.where(ctx.nothing, 0.0, outer[0]) * ctx.factors[0] * ctx.factors[1]
        return gradient.clamp(-limit, limit).to(ctx.dtype)
