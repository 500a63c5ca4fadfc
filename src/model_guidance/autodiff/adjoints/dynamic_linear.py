"""The product with a B-cos layer's factor, which a map takes for a constant, with its adjoint."""

from typing import Any

from torch import Tensor

from model_guidance.autodiff.dynamic_linear import Factor
from model_guidance.autodiff.rules import Operation, factor_of_image


def multiplied(linear: Tensor, factor: Factor, layer: Any) -> Operation:
    """Multiply by the factor; so does the adjoint, in which it stays a function of the weights."""
    output, value = factor.scaled(linear)
    return Operation(output, lambda gradient, rows: gradient * factor_of_image(value, rows))
