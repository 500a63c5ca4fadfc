"""The layers of a B-cos network: Böhle et al., "B-cos Alignment for Inherently Interpretable CNNs" (2024)."""

import math
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.autodiff.dynamic_factors import Cosine, Deviation
from model_guidance.autodiff.dynamic_linear import DynamicLayer, Factor

LENGTH_EPSILON = 1e-12  # added to the length of vectors, as published
PATCH_EPSILON = 1e-6  # inside the root of the patch norm, as published
LOGIT_BIAS = math.log(0.001 / 0.999)  # the prior of one class in a thousand; published networks add it


class BcosConv2d(DynamicLayer):
    """B-cos convolution with exponent B = 2: `y = |cos(x, w)| * (ŵ · x)`, `ŵ` of unit norm.

    `|cos(x, w)| = |ŵ · x| / norm of the patch` is the dynamic factor.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
    ):
        super().__init__()
        padding = kernel // 2 if padding is None else padding
        self.linear = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)

    def forward(self, x: Float[Tensor, "batch inputs h w"]) -> Float[Tensor, "batch outputs h2 w2"]:
        """Convolve and scale by the cosine."""
        conv = self.linear
        unit = F.normalize(conv.weight.flatten(1), dim=1).view_as(conv.weight)
        linear = F.conv2d(x, unit, None, conv.stride, conv.padding, groups=conv.groups)
        return self.multiply(linear, Cosine(lambda: self._patch_norm(x)))

    def _patch_norm(self, x: Tensor) -> Tensor:
        size, stride, padding = self.linear.kernel_size[0], self.linear.stride[0], self.linear.padding[0]
        squares, groups = x.square(), self.linear.groups
        if groups == 1:
            squares = squares.sum(dim=1, keepdim=True)
        elif groups < x.shape[1]:
            squares = torch.unflatten(squares, 1, (groups, -1)).sum(dim=2)
        if size > 1:
            squares = F.avg_pool2d(squares, size, stride, int(padding)) * size**2
        elif stride > 1:
            squares = squares[..., ::stride, ::stride]
        norm = (squares + PATCH_EPSILON).sqrt()
        return norm if groups == 1 else norm.repeat_interleave(self.linear.out_channels // groups, dim=1)


class BcosLinear(DynamicLayer):
    """B-cos linear layer with exponent B = 2, of the last axis."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)

    def forward(self, x: Float[Tensor, "... inputs"]) -> Float[Tensor, "... outputs"]:
        """Multiply and scale by the cosine."""
        linear = F.linear(x, F.normalize(self.linear.weight, dim=1))
        return self.multiply(linear, Cosine(lambda: x.norm(dim=-1, keepdim=True) + LENGTH_EPSILON))


class CenteredNorm(DynamicLayer):
    """Layer normalisation without a shift: `y = gain * (x - mean(x)) / sqrt(var(x) + eps)` over some axes.

    The gain is one for each channel: of the second of four axes, otherwise of the last.
    """

    def __init__(self, channels: int, axes: tuple[int, ...], eps: float = 1e-5):
        super().__init__()
        self.axes, self.eps = axes, eps
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Subtract the mean, which is linear, and divide by the standard deviation."""
        return self.multiply(x - x.mean(dim=self.axes, keepdim=True), Factor(self._factor))

    def _factor(self, centered: Tensor) -> Tensor:
        gain = self.weight.view(-1, 1, 1) if centered.ndim == 4 else self.weight
        return gain / (centered.square().mean(dim=self.axes, keepdim=True) + self.eps).sqrt()


class UncenteredBatchNorm2d(DynamicLayer):
    """Batch normalisation that only divides: `y = gain * x / sqrt(var(x) + eps)`; no mean.

    Nor is there a shift, unless a network that was made B-cos keeps its biases.

    The variance is taken around the mean, biased, over the batch in training and from the running average
    in evaluation. `running_mean` takes part in nothing; published checkpoints contain it.
    """

    normalises_batch = True
    bias: nn.Parameter | None
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.register_parameter("bias", None)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch channels h w"]:
        """Divide by the standard deviation of each channel."""
        if self.training:
            factor: Factor = Deviation(self.weight, self.eps, partial(self._statistics, x))
        else:
            factor = Factor(self._running)
        divided = self.multiply(x, factor)
        return divided if self.bias is None else divided + self.bias.view(-1, 1, 1)

    def _running(self, _: Tensor) -> Tensor:
        return (self.weight / (self.running_var + self.eps).sqrt()).view(1, -1, 1, 1)

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the variance and the mean of each channel; both enter the running averages."""
        variance, mean = _moments(x)
        count = x.numel() / x.shape[1]
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / max(count - 1, 1), self.momentum)
        return variance, mean


def _moments(x: Float[Tensor, "batch channels h w"]) -> tuple[Tensor, Tensor]:
    """Return the variance, biased, and the mean of each channel."""
    if torch.is_grad_enabled():
        return torch.var_mean(x, dim=(0, 2, 3), correction=0)
    mean = x.mean(dim=(0, 2, 3))  # several times faster on a CPU; autograd would have to keep the difference
    return (x - mean.view(-1, 1, 1)).square_().mean(dim=(0, 2, 3)), mean
