"""Scaling of maps, safe where a map is zero: finite values and finite gradients."""

import torch
from jaxtyping import Float
from torch import Tensor


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return `numerator / denominator`, and 0 (with zero gradient) where the denominator is 0.

    There is no threshold: a ratio must not change when both are multiplied by 1e-12.
    """
    empty = denominator == 0
    return torch.where(empty, 0.0, numerator) / torch.where(empty, 1.0, denominator)


def positive_part(maps: Float[Tensor, "pairs height width"]) -> Float[Tensor, "pairs height width"]:
    """Return `Â+ = A+ / max A+`, in [0, 1]; a map without a positive value becomes zero."""
    positive = maps.relu()
    return ratio(positive, positive.amax(dim=(1, 2), keepdim=True))


def signed(maps: Float[Tensor, "pairs height width"]) -> Float[Tensor, "pairs height width"]:
    """Return `Â = A / max |A|`, in [-1, 1]; a zero map stays zero."""
    return ratio(maps, maps.abs().amax(dim=(1, 2), keepdim=True))
