"""Sums, products and functions of single values with their adjoints, see `adjoints`.

Both arguments may come from the features, and one may be repeated along the other (squeeze-and-excitation).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from model_guidance.autodiff.rules import Operation, Rows, Way, factor_of_image, of_image, shape_of


def add(input: Any, other: Any, *, alpha: float = 1, inplace: bool = False) -> Operation | None:
    """Add; `other` counts alpha times."""
    output = input.add_(other, alpha=alpha) if inplace else torch.add(input, other, alpha=alpha)
    return _binary(output, (input, lambda g, rows: g), (other, lambda g, rows: _times(g, alpha)))


def sub(input: Any, other: Any, *, alpha: float = 1, inplace: bool = False) -> Operation | None:
    """Subtract; `other` counts alpha times."""
    output = input.sub_(other, alpha=alpha) if inplace else torch.sub(input, other, alpha=alpha)
    return _binary(output, (input, lambda g, rows: g), (other, lambda g, rows: _times(g, -alpha)))


def rsub(input: Any, other: Any) -> Operation | None:
    """Subtract from."""
    return sub(other, input) if isinstance(other, Tensor) else _less_than(other, input)


def _less_than(number: float, input: Tensor) -> Operation:
    return Operation(number - input, lambda gradient, rows: -gradient)


def mul(input: Any, other: Any, *, inplace: bool = False) -> Operation | None:
    """Multiply."""
    kept = input.clone() if inplace and isinstance(other, Tensor) else input
    output = input.mul_(other) if inplace else input * other
    return _binary(
        output,
        (input, lambda g, rows: g * _factor(other, output, rows)),
        (other, lambda g, rows: g * _factor(kept, output, rows)),
    )


def div(
    input: Any, other: Any, *, rounding_mode: str | None = None, inplace: bool = False
) -> Operation | None:
    """Divide."""
    if rounding_mode is not None or (inplace and isinstance(other, Tensor)):
        return None
    output = input.div_(other) if inplace else input / other

    def to_other(gradient: Tensor, rows: Rows) -> Tensor:
        divisor = _factor(other, output, rows)
        return -gradient * _factor(input, output, rows) / divisor / divisor

    return _binary(output, (input, lambda g, rows: g / _factor(other, output, rows)), (other, to_other))


def rdiv(input: Tensor, other: Any) -> Operation | None:
    """Divide by."""
    return div(torch.as_tensor(other, dtype=input.dtype, device=input.device), input)


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Operation | None:
    """Add a product."""
    output = torch.addcmul(input, tensor1, tensor2, value=value)
    return _binary(
        output,
        (input, lambda g, rows: g),
        (tensor1, lambda g, rows: _times(g, value) * _factor(tensor2, output, rows)),
        (tensor2, lambda g, rows: _times(g, value) * _factor(tensor1, output, rows)),
    )


def neg(input: Tensor) -> Operation:
    """Change the sign."""
    return Operation(-input, lambda gradient, rows: -gradient)


def power(input: Any, exponent: Any) -> Operation | None:
    """Raise to a number."""
    if not isinstance(input, Tensor) or isinstance(exponent, Tensor):
        return None
    if exponent == 1:
        return Operation(input.clone(), lambda g, rows: g)
    output = input.pow(exponent)
    return Operation(output, lambda g, rows: g * exponent * of_image(input, rows).pow(exponent - 1))


def elementwise(
    function: Callable[[Tensor], Tensor], slope: Callable[[Tensor, Tensor], Tensor]
) -> Callable[[Tensor], Operation]:
    """Return the rule of a function of single values; `slope(input, output)` is its derivative."""

    def rule(input: Tensor) -> Operation:
        output = function(input)
        return Operation(output, lambda g, rows: g * slope(of_image(input, rows), of_image(output, rows)))

    return rule


def _times(gradient: Tensor, number: float) -> Tensor:
    return gradient if number == 1 else gradient * number


def _factor(kept: Any, output: Tensor, rows: Rows) -> Any:
    """Return what was kept for each row; what is one and the same for all images stays as it is."""
    if not isinstance(kept, Tensor) or kept.ndim < output.ndim:
        return kept
    return factor_of_image(kept, rows)


def _binary(output: Tensor, *parts: tuple[Any, Callable[[Tensor, Rows], Tensor]]) -> Operation:
    return Operation(output, [_way(output, *part) for part in parts if isinstance(part[0], Tensor)])


def _way(output: Tensor, source: Tensor, local: Callable[[Tensor, Rows], Tensor]) -> Way:
    shape = source.shape

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        wanted = shape if rows is None else shape_of(source, gradient, rows)
        return local(gradient, rows).sum_to_size(wanted)

    mixes = source.ndim != output.ndim or source.shape[:1] != output.shape[:1]
    return Way(source, adjoint, mixes)
