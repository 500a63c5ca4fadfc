"""What an operation leaves on a tape: its output, and the way back."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

Rows = Tensor | None
Adjoint = Callable[[Tensor, Rows], Tensor]


class Operation(NamedTuple):
    """What an operation puts out, and its adjoint.

    `adjoint(gradient, rows)`: row p of `gradient` belongs to image `rows[p]`, or to image p if `rows` is
    None. `mixes_images` says that the adjoint mixes the images of a batch: it takes nothing but the whole
    batch, so no rows.
    """

    output: Tensor
    adjoint: Adjoint
    mixes_images: bool = False


def of_image(kept: Tensor, rows: Rows) -> Tensor:
    """Return what was kept of each row's image."""
    return kept if rows is None or len(kept) == 1 else kept[rows]


def pair(value: Any) -> tuple[int, int]:
    """Return the two values of a setting that may be given as one."""
    return (value, value) if isinstance(value, int) else tuple(value)
