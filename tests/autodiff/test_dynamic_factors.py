"""The closed-form derivatives of the B-cos factors against finite differences."""

import torch
from torch import Tensor

from model_guidance.autodiff.dynamic_factors import Cosine, Deviation


def values(*shapes: tuple[int, ...]) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(shape).double().requires_grad_() for shape in shapes]


def test_cosine():
    def scaled(linear: Tensor, norm: Tensor) -> tuple[Tensor, Tensor]:
        return Cosine(lambda: norm.square() + 1).scaled(linear)

    assert torch.autograd.gradcheck(scaled, values((2, 3, 2, 2), (2, 1, 2, 2)))


def test_deviation():
    def scaled(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        return Deviation(weight, 1e-2, lambda: torch.var_mean(x, (0, 2, 3), correction=0)).scaled(x)

    assert torch.autograd.gradcheck(scaled, values((3, 2, 2, 2), (2,)))


def test_the_value_is_the_factor():
    linear, norm = (each.detach() for each in values((2, 3, 2, 2), (2, 1, 2, 2)))
    cosine = Cosine(norm.exp)
    output, factor = cosine.scaled(linear)
    assert torch.equal(factor, cosine.value(linear))
    assert torch.equal(output, linear * linear.abs() / norm.exp()) or torch.allclose(output, linear * factor)
