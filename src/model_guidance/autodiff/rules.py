"""What an operation leaves on a tape: its output, and the ways back."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

Rows = Tensor | None
Adjoint = Callable[[Any, Rows], Tensor]


class Way(NamedTuple):
    """The way back to one of the arguments of an operation, `source`; for the rest see `Operation`."""

    source: Any
    adjoint: Adjoint
    mixes_images: bool = False


class Operation(NamedTuple):
    """What an operation puts out, and its adjoint.

    `adjoint(gradient, rows)`: row p of `gradient` belongs to image `rows[p]`, or to image p if `rows` is
    None. It leads to the first argument; where the features may have come in by several, there is a `Way`
    for each of them, and none at all where the output is the argument itself, see `unchanged`. Of several
    outputs `gradient` is the list of theirs, None for those without one. `mixes_images` says that the adjoint
    mixes the images of a batch, or that they are not along the first axis: it takes nothing but the whole
    batch, so no rows.
    """

    output: Any
    adjoint: Adjoint | Sequence[Way]
    mixes_images: bool = False


def unchanged(input: Tensor) -> Operation:
    """Return what an operation leaves that had nothing to do, such as dropout switched off: no step."""
    return Operation(input, ())


def of_image(kept: Tensor, rows: Rows) -> Tensor:
    """Return what was kept of each row's image; along the first axis of `kept` are the images."""
    return kept if rows is None else kept[rows]


def factor_of_image(kept: Tensor, rows: Rows) -> Tensor:
    """Return by what each row is multiplied; a factor that all images share is repeated by the product."""
    return kept if len(kept) == 1 else of_image(kept, rows)


def shape_of(source: Tensor, gradient: Tensor, rows: Rows) -> list[int]:
    """Return the shape that the gradient of `source` has: a row for each of the gradient's."""
    return list(source.shape) if rows is None else [len(gradient), *source.shape[1:]]


def moves_images(source: Tensor, output: Tensor) -> bool:
    """Return whether an operation that keeps the order of values has moved them from the first axis."""
    return source.shape[:1] != output.shape[:1] or not source.ndim


def pair(value: Any) -> tuple[int, int]:
    """Return the two values of a setting that may be given as one."""
    return (value, value) if isinstance(value, int) else tuple(value)
