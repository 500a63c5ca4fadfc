"""The operations of a network together with their adjoints, which are operations themselves.

An adjoint turns the gradient with respect to an operation's output into that with respect to its input. What
autograd does, when it is asked for a gradient that can be differentiated again, is general and slow; these
need one ordinary backward pass, keep little, serve several classes of an image at once, and can be compiled.
A function here returns None for arguments that it has no adjoint for.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from model_guidance.autodiff.adjoints import (
    activation,
    arithmetic,
    convolution,
    dynamic_linear,
    normalisation,
    pooling,
)
from model_guidance.autodiff.dynamic_linear import multiply
from model_guidance.autodiff.rules import Operation

ADJOINTS: dict[Callable[..., Any], Callable[..., Operation | None]] = {
    F.adaptive_avg_pool2d: pooling.adaptive_avg_pool2d,
    F.avg_pool2d: pooling.avg_pool2d,
    F.batch_norm: normalisation.batch_norm,
    F.conv2d: convolution.conv2d,
    F.linear: arithmetic.linear,
    F.max_pool2d: pooling.max_pool2d,
    F.relu: activation.relu,
    torch.Tensor.add: arithmetic.add,
    torch.Tensor.add_: arithmetic.add_in_place,
    torch.Tensor.mean: pooling.mean,
    torch.flatten: arithmetic.flatten,
    torch.mean: pooling.mean,
    multiply: dynamic_linear.multiplied,
}
"""Operations that a map can be taken back through, under the functions by which models call them."""

SUMS = (torch.Tensor.add, torch.Tensor.add_)
"""Those of them that may take the features, or what became of them, in more than one argument."""
