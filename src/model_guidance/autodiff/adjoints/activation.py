"""Activation functions with their adjoints, see `adjoints`."""

import torch
import torch.nn.functional as F
from torch import Tensor

from model_guidance.autodiff.rules import Operation, of_image


def relu(input: Tensor, inplace: bool = False) -> Operation:
    """Rectify; the gradient passes where the output is positive."""
    output = F.relu(input, inplace=inplace)
    if torch.is_grad_enabled():  # autograd keeps the output anyway
        backward = torch.ops.aten.threshold_backward
        return Operation(output, lambda gradient, rows: backward(gradient, of_image(output, rows), 0))
    gate = output > 0
    return Operation(output, lambda gradient, rows: gradient * of_image(gate, rows))
