"""Cutting, joining and taking by position with their adjoints, see `adjoints`.

They are linear and hold nothing. Images must stay along the first axis for rows to be served.
"""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from model_guidance.autodiff.adjoints.shape import touches_images
from model_guidance.autodiff.rules import Adjoint, Operation, Rows, Way, moves_images, shape_of

Gradients = Sequence[Tensor | None]
Cut = Callable[[Tensor], Sequence[Tensor]]


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Operation:
    """Put one behind another."""
    output = torch.cat(tuple(tensors), dim)
    lengths = [each.shape[dim] if each.ndim == output.ndim else 0 for each in tensors]
    return _joined(output, tensors, dim, lambda gradient: gradient.split_with_sizes(lengths, dim))


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Operation:
    """Put side by side along a new axis."""
    output = torch.stack(tuple(tensors), dim)
    return _joined(output, tensors, dim, lambda gradient: gradient.unbind(dim))


def _joined(output: Tensor, tensors: Sequence[Tensor], dim: int, cut: Cut) -> Operation:
    parts, mixes = _Parts(cut), touches_images(output, dim)
    return Operation(output, [Way(each, parts.adjoint(i), mixes) for i, each in enumerate(tensors)])


class _Parts:
    """The parts of a gradient, cut once for all ways back: alone, each would go back as zeros around it."""

    def __init__(self, cut: Cut):
        self.cut = cut
        self.whole: Callable[[], Tensor | None] = lambda: None  # not kept alive: it may be large
        self.left: dict[int, Tensor] = {}

    def adjoint(self, place: int) -> Adjoint:
        """Return the way back to the tensor at this place."""

        def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
            if torch.compiler.is_compiling():
                return self.cut(gradient)[place]
            if self.whole() is not gradient or place not in self.left:
                self.whole, self.left = weakref.ref(gradient), dict(enumerate(self.cut(gradient)))
            return self.left.pop(place)

        return adjoint


def parts(function: Callable[..., Sequence[Tensor]]) -> Callable[..., Operation]:
    """Return the rule of a function (input, sizes or their number, dim) that cuts along an axis."""

    def rule(input: Tensor, amount: Any, dim: int = 0) -> Operation:
        outputs = function(input, amount, dim)
        shapes = [each.shape for each in outputs]

        def adjoint(gradients: Gradients, rows: Rows) -> Tensor:
            return torch.cat(_filled(gradients, shapes, rows), dim)

        return Operation(outputs, adjoint, touches_images(input, dim))

    return rule


def split(input: Tensor, split_size_or_sections: Any = None, dim: int = 0, **named: Any) -> Operation:
    """Cut along an axis."""
    return _split(input, named.popitem()[1] if named else split_size_or_sections, dim)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> Operation:
    """Cut along an axis."""
    return _chunk(input, chunks, dim)


_split, _chunk = parts(torch.split), parts(torch.chunk)


def unbind(input: Tensor, dim: int = 0) -> Operation:
    """Take an axis apart."""
    outputs = torch.unbind(input, dim)
    shapes = [each.shape for each in outputs]

    def adjoint(gradients: Gradients, rows: Rows) -> Tensor:
        return torch.stack(_filled(gradients, shapes, rows), dim)

    return Operation(outputs, adjoint, touches_images(input, dim))


def narrow(input: Tensor, dim: int, start: int, length: int) -> Operation | None:
    """Take a piece along an axis."""
    before = (slice(None),) * (dim % input.ndim)
    return getitem(input, (*before, slice(start, start + length)))


def select(input: Tensor, dim: int, index: int) -> Operation | None:
    """Take one along an axis."""
    return getitem(input, (*(slice(None),) * (dim % input.ndim), index))


def getitem(input: Tensor, index: Any) -> Operation | None:
    """Take by position; no masks, and of several positions at once only those in a tensor."""
    index = index if isinstance(index, tuple) else (index,)
    if not all(map(_is_position, index)):
        return None
    output = input[index]

    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        return placed(gradient, index, shape_of(input, gradient, rows))

    whole = index[0] is Ellipsis or index[0] == slice(None) if not isinstance(index[0], Tensor) else False
    return Operation(output, adjoint, not whole or moves_images(input, output))


def _is_position(index: Any) -> bool:
    if isinstance(index, Tensor):
        return index.dtype not in (torch.bool, torch.uint8)  # either is a mask
    return (
        index is None or index is Ellipsis or (isinstance(index, int | slice) and not isinstance(index, bool))
    )


def placed(values: Tensor, index: tuple[Any, ...], shape: Sequence[int]) -> Tensor:
    """Return zeros of a shape but for the values, put, or where places repeat added, at an index."""
    found: Tensor = _Placed.apply(values, index, shape)
    return found


class _Placed(torch.autograd.Function):
    """See `placed`; putting them there in place means the same, but autograd copies the zeros' gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: tuple[Any, ...], shape: Sequence[int]) -> Tensor:
        ctx.index = index
        found = values.new_zeros(shape)
        if any(isinstance(each, Tensor) for each in index):
            places = torch.arange(found.numel(), device=found.device).view(found.shape)[index]
            return found.view(-1).index_add(0, places.reshape(-1), values.reshape(-1)).view(found.shape)
        found[index] = values
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None]:
        return outer[0][ctx.index], None, None


def _filled(gradients: Gradients, shapes: Sequence[torch.Size], rows: Rows) -> list[Tensor]:
    some = next(each for each in gradients if each is not None)
    return [
        some.new_zeros(shape if rows is None else (len(some), *shape[1:])) if each is None else each
        for each, shape in zip(gradients, shapes, strict=True)
    ]
