"""Matrix products with their adjoints, see `adjoints`."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model_guidance.autodiff.rules import Operation, Rows, Way, factor_of_image, shape_of


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Operation:
    """Multiply by a matrix."""
    return Operation(F.linear(input, weight, bias), lambda gradient, rows: gradient @ weight)


def matmul(input: Tensor, other: Tensor) -> Operation | None:
    """Multiply two stacks of matrices, both of which may come from the features; no vectors."""
    if min(input.ndim, other.ndim) < 2:
        return None
    output = torch.matmul(input, other)
    to_input, to_other = _left(input, other), _right(input, other)
    return Operation(output, [_way(input, output, to_input), _way(other, output, to_other)])


def bmm(input: Tensor, mat2: Tensor) -> Operation | None:
    """Multiply two stacks of matrices."""
    return matmul(input, mat2)


def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Operation | None:
    """Multiply two stacks of matrices, and add what is no function of the features."""
    output = torch.baddbmm(input, batch1, batch2, beta=beta, alpha=alpha)
    left, right = _left(batch1, batch2), _right(batch1, batch2)
    return Operation(
        output,
        [
            _way(batch1, output, lambda g, rows: alpha * left(g, rows)),
            _way(batch2, output, lambda g, rows: alpha * right(g, rows)),
        ],
    )


def _left(input: Tensor, other: Tensor) -> Any:
    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        found = gradient @ _stacked(other, rows).mT
        return found.sum_to_size(shape_of(input, gradient, rows))

    return adjoint


def _right(input: Tensor, other: Tensor) -> Any:
    def adjoint(gradient: Tensor, rows: Rows) -> Tensor:
        found = _stacked(input, rows).mT @ gradient
        return found.sum_to_size(shape_of(other, gradient, rows))

    return adjoint


def _stacked(kept: Tensor, rows: Rows) -> Tensor:
    return kept if kept.ndim < 3 else factor_of_image(kept, rows)


def _way(source: Tensor, output: Tensor, adjoint: Any) -> Way:
    alike = source.ndim == output.ndim > 2 and source.shape[0] == output.shape[0]
    return Way(source, adjoint, mixes_images=not alike)
