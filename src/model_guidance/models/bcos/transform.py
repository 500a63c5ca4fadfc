"""The B-cos transform of a convolution or linear layer that is there already, with its weights."""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from model_guidance.autodiff.dynamic_factors import Cosine
from model_guidance.autodiff.dynamic_linear import DynamicLayer, Factor
from model_guidance.models.bcos.layers import PATCH_EPSILON

COSINE_EPSILON = 1e-6  # added to a cosine before it is raised, as published: roots have no slope at 0


class BcosTransform(DynamicLayer):
    """`y = |cos(x, w)|^(B-1) (w · x) + b` for `linear`'s weights w, of any norm; B = 1 is `linear` itself."""

    def __init__(self, linear: nn.Conv2d | nn.Linear, exponent: float, *, bias: bool):
        super().__init__()
        self.exponent = exponent
        self.bias = linear.bias if bias else None
        linear.bias = None
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer and scale by the cosine."""
        y = self._scaled(x)
        if self.bias is None:
            return y
        return y + (self.bias.view(-1, 1, 1) if isinstance(self.linear, nn.Conv2d) else self.bias)

    def _scaled(self, x: Tensor) -> Tensor:
        weight = self.linear.weight
        length = weight.flatten(1).norm(dim=1).view(-1, *[1] * (weight.ndim - 1))
        length = length.clamp(min=torch.finfo(weight.dtype).tiny)
        if self.exponent == 2:  # (|v · x| / |x|) (v · x) with v = w / sqrt(|w|)
            linear = functional_call(self.linear, {"weight": weight / length.sqrt()}, (x,))
            return self.multiply(linear, Cosine(lambda: self._norm(x)))
        linear = self.linear(x)
        if self.exponent == 1:
            return linear
        lengths = length[..., 0] if isinstance(self.linear, nn.Conv2d) else length.flatten()
        return self.multiply(linear, Factor(lambda y: self._power(y, self._norm(x) * lengths)))

    def _power(self, linear: Tensor, norms: Tensor) -> Tensor:
        return (linear.abs() / norms + COSINE_EPSILON).pow(self.exponent - 1)

    def _norm(self, x: Tensor) -> Tensor:
        """Return the norm of what each output sees: of a patch, by a convolution with ones."""
        squares = x.square()
        if isinstance(self.linear, nn.Linear):
            return (squares.sum(dim=-1, keepdim=True) + PATCH_EPSILON).sqrt()
        weight, groups = self.linear.weight, self.linear.groups
        by_group = torch.unflatten(squares, 1, (groups, -1)).sum(dim=2)
        ones = weight.new_ones(groups, 1, *weight.shape[2:])
        sums = functional_call(self.linear, {"weight": ones}, (by_group,))
        norm = (sums + PATCH_EPSILON).sqrt()
        return norm if groups == 1 else norm.repeat_interleave(len(weight) // groups, dim=1)
