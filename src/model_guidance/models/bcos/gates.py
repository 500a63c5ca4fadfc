"""Activations as factors of their input, `y = g(x) x`, so that a B-cos explanation can hold them constant.

A network of such layers is `y = W(x) x`, as one of B-cos layers is; ReLUs are so by themselves, their
gradient being their factor.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_guidance.autodiff.dynamic_linear import DynamicLayer, Factor


def _gelu(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def _gelu_tanh(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x.pow(3))))


def _relu6(x: Tensor) -> Tensor:
    return torch.where(x > 0, 6 / x.clamp(min=6), 0)


def _hardsigmoid(x: Tensor) -> Tensor:
    return (x + 3).clamp(0, 6) / 6  # torch's own has no second derivative


def _mish(x: Tensor) -> Tensor:
    return torch.tanh(F.softplus(x))


GATES: dict[str, Callable[[Tensor], Tensor]] = {  # by the classes of torch and timm
    "GELU": _gelu,
    "GELUTanh": _gelu_tanh,
    "HardSwish": _hardsigmoid,
    "Hardswish": _hardsigmoid,
    "Mish": _mish,
    "ReLU6": _relu6,
    "SiLU": torch.sigmoid,
    "Swish": torch.sigmoid,
}
HELD: dict[str, Callable[[Tensor], Tensor]] = {
    "Sigmoid": torch.sigmoid,
    "HardSigmoid": _hardsigmoid,
    "Hardsigmoid": _hardsigmoid,
}
HOMOGENEOUS = {"Identity", "LeakyReLU", "PReLU", "ReLU"}


class Gated(DynamicLayer):
    """`y = gate(x) x`."""

    def __init__(self, gate: Callable[[Tensor], Tensor]):
        super().__init__()
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        """Return the input times its gate."""
        return self.multiply(x, Factor(self.gate))


class Held(DynamicLayer):
    """`y = gate(x)`, by which a network multiplies something else: as a whole a factor, no evidence."""

    def __init__(self, gate: Callable[[Tensor], Tensor]):
        super().__init__()
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        """Return the gate."""
        return self.multiply(0 * x + 1, Factor(lambda _: self.gate(x)))


def gated(activation: nn.Module) -> nn.Module | None:
    """Return the same activation as a factor; None if this is no activation known to be one."""
    name = type(activation).__name__
    if name == "GELU" and getattr(activation, "approximate", "none") == "tanh":
        name = "GELUTanh"
    if name in HOMOGENEOUS:
        return activation
    if name in GATES:
        return Gated(GATES[name])
    return Held(HELD[name]) if name in HELD else None
