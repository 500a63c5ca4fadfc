"""Changes of shape and order with their adjoints, see `adjoints`.

They are linear and hold nothing. Images must stay along the first axis for rows to be served.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from model_guidance.autodiff.rules import Operation, Rows, Way, moves_images, shape_of, unchanged


def same(input: Tensor, *settings: Any, **named: Any) -> Operation:
    """Copy, at most."""
    return Operation(input.clone(), lambda gradient, rows: gradient)


def contiguous(input: Tensor, *settings: Any, **named: Any) -> Operation:
    """Order the memory."""
    output = input.contiguous(*settings, **named)
    return unchanged(input) if output is input else Operation(output, lambda gradient, rows: gradient)


def reshaping(function: Callable[..., Tensor]) -> Callable[..., Operation]:
    """Return the rule of a function that keeps the order of the values."""

    def rule(input: Tensor, *settings: Any, **named: Any) -> Operation:
        output = function(input, *settings, **named)

        def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
            return gradient.reshape(shape_of(input, gradient, rows))

        return Operation(output, adjoint, moves_images(input, output))

    return rule


def converting(function: Callable[..., Tensor]) -> Callable[..., Operation]:
    """Return the rule of a function that changes the type of the values."""

    def rule(input: Tensor, *settings: Any, **named: Any) -> Operation:
        output = function(input, *settings, **named)
        if output is input:
            return unchanged(input)
        return Operation(output, lambda gradient, rows: gradient.to(input.dtype))

    return rule


def permute(input: Tensor, *dims: Any) -> Operation:
    """Order the axes anew."""
    order = [d % input.ndim for d in _numbers(dims)]
    back = [order.index(d) for d in range(input.ndim)]
    return Operation(input.permute(order), lambda gradient, rows: gradient.permute(back), order[0] != 0)


def transpose(input: Tensor, dim0: int, dim1: int) -> Operation:
    """Exchange two axes."""
    moved = 0 in (dim0 % input.ndim, dim1 % input.ndim) and dim0 != dim1
    return Operation(
        input.transpose(dim0, dim1), lambda gradient, rows: gradient.transpose(dim0, dim1), moved
    )


def last_two(input: Tensor) -> Operation:
    """Exchange the last two axes (`x.mT`, and `x.T` of a matrix)."""
    return transpose(input, -2, -1)


def movedim(input: Tensor, source: Any, destination: Any) -> Operation:
    """Move axes."""
    output = input.movedim(source, destination)
    places = [d % input.ndim for d in (*_numbers([source]), *_numbers([destination]))]
    return Operation(output, lambda gradient, rows: gradient.movedim(destination, source), 0 in places)


def expand(input: Tensor, *size: Any) -> Operation:
    """Repeat along axes of size one."""
    output = input.expand(*size)

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        return gradient.sum_to_size(shape_of(input, gradient, rows))

    return Operation(output, adjoint, moves_images(input, output) or input.ndim != output.ndim)


def expand_as(input: Tensor, other: Tensor) -> Operation:
    """Repeat to another's shape."""
    return _beside(expand(input, other.shape), input, other)


def repeat(input: Tensor, *repeats: Any) -> Operation | None:
    """Put copies side by side; no new axes."""
    counts = _numbers(repeats)
    if len(counts) != input.ndim:
        return None
    output = input.repeat(counts)

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        shape = shape_of(input, gradient, rows)
        parts = [each for pair in zip(counts, shape, strict=True) for each in pair]
        return gradient.reshape(parts).sum(list(range(0, 2 * len(counts), 2)))

    return Operation(output, adjoint, counts[0] != 1)


def roll(input: Tensor, shifts: Any, dims: Any = ()) -> Operation | None:
    """Shift around along axes."""
    if dims == ():
        return None
    back = tuple(-each for each in _numbers([shifts]))
    output = torch.roll(input, shifts, dims)
    return Operation(
        output, lambda gradient, rows: torch.roll(gradient, back, dims), touches_images(input, dims)
    )


def flip(input: Tensor, *dims: Any) -> Operation:
    """Reverse axes."""
    axes = _numbers(dims)
    return Operation(
        input.flip(axes), lambda gradient, rows: gradient.flip(axes), touches_images(input, axes)
    )


def reshape_as(input: Tensor, other: Tensor) -> Operation:
    """Keep the values, take another's shape."""
    return _beside(reshaping(torch.Tensor.reshape)(input, other.shape), input, other)


def type_as(input: Tensor, other: Tensor) -> Operation:
    """Take another's type."""
    return _beside(converting(torch.Tensor.type_as)(input, other), input, other)


def _beside(operation: Operation, input: Tensor, other: Tensor) -> Operation:
    """Return an operation on `input` of which `other`, a like of it, says no more than shape or type."""
    output, adjoint, mixes = operation
    if not callable(adjoint):
        return operation

    def nothing(gradient: Tensor, rows: Rows) -> Tensor:
        return gradient.new_zeros(shape_of(other, gradient, rows))

    return Operation(output, [Way(input, adjoint, mixes), Way(other, nothing)])


def touches_images(input: Tensor, dims: Any) -> bool:
    """Return whether the axis of the images is among these."""
    return any(d % input.ndim == 0 for d in _numbers([dims]))


def _numbers(values: Sequence[Any]) -> list[int]:
    return [n for each in values for n in (_numbers(each) if isinstance(each, list | tuple) else [each])]
