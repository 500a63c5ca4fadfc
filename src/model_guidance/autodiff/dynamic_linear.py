"""Layers of the form `y = s(x) * l(x)`, whose factor can be held constant while an explanation is made.

A B-cos network computes `y = W(x) x`; its explanation is the gradient with `W(x)` held constant. Detaching
`s(x)` in the forward pass would give the same map and *wrong weight gradients*, because training must see
how `W(x)` depends on the weights. Here only the backward pass that makes the map leaves the factor out:
what it computes, `grad * s(x)`, stays a function of the weights through `s(x)`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from model_guidance.autodiff.dispatch import one_operation


class Factor:
    """A factor that depends on what it is multiplied with; it is computed when it is asked for."""

    def __init__(self, compute: Callable[[Tensor], Tensor]):
        self.value = compute

    def scaled(self, linear: Tensor) -> tuple[Tensor, Tensor]:
        """Return `linear * factor` and the factor; both can be differentiated once."""
        value = self.value(linear)
        return linear * value, value


class DynamicLayer(nn.Module):
    """Base of the layers that multiply by a factor of their input."""

    factor_is_constant = False

    def multiply(self, linear: Tensor, factor: Factor) -> Tensor:
        """Return `linear * factor`; the backward pass skips the factor inside `constant_factors`."""
        return multiply(linear, factor, self)


@one_operation
def multiply(linear: Tensor, factor: Factor, layer: DynamicLayer) -> Tensor:
    """Return `linear * factor`, seen as one operation by those who follow a network's operations."""
    return cast(Tensor, _Multiply.apply(linear, factor.value(linear), layer))


class _Multiply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, linear: Tensor, factor: Tensor, layer: DynamicLayer) -> Tensor:
        ctx.save_for_backward(linear, factor)
        ctx.layer = layer
        return linear * factor

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None]:
        (gradient,) = gradients
        linear, factor = ctx.saved_tensors
        if ctx.layer.factor_is_constant or not ctx.needs_input_grad[1]:
            return gradient * factor, None, None
        return gradient * factor, (gradient * linear).sum_to_size(factor.shape), None


@contextmanager
def constant_factors(model: nn.Module) -> Iterator[None]:
    """Hold the factors of all dynamic layers of `model` constant in the backward passes run inside.

    Meant to enclose one call of `torch.autograd.grad`; the layers are restored whatever happens inside.
    """
    layers = [module for module in model.modules() if isinstance(module, DynamicLayer)]
    before = [layer.factor_is_constant for layer in layers]
    try:
        for layer in layers:
            layer.factor_is_constant = True
        yield
    finally:
        for layer, value in zip(layers, before, strict=True):
            layer.factor_is_constant = value
