"""Integrated Gradients from a zero baseline: `A = sum_c x_c * integral_0^1 d logit(a x) / d(a x) da`."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.attribution.gradients import class_gradients
from model_guidance.attribution.input_x_gradient import input_x_gradient
from model_guidance.attribution.maps import channel_sum
from model_guidance.autodiff.capture import CapturedFeatures
from model_guidance.models.layers import unwrapped
from model_guidance.types import Pairs

STEPS = 16


def integrated_gradients(
    model: nn.Module, captured: CapturedFeatures, pairs: Pairs, create_graph: bool, steps: int = STEPS
) -> Float[Tensor, "pairs rows columns"]:
    """Return one raw signed map per pair (Sundararajan et al., 2017), the layer's output being the input x.

    A positively homogeneous network (X-DNN) has the same gradient everywhere on the path, so one pass is
    exact; for others the integral is a midpoint sum of `steps` passes through the rest of the network.
    """
    if points(model) == 1:
        return input_x_gradient(model, captured, pairs, create_graph)
    maps = []
    for step in range(steps):
        on_path = captured.resume(captured.features * ((step + 0.5) / steps))
        gradients = class_gradients(on_path, pairs, create_graph)
        maps.append(channel_sum(pairs.of_image(captured.features), gradients))
    return torch.stack(maps).mean(dim=0)


def points(model: nn.Module) -> int:
    """Return at how many points of the path the gradient is needed: one where it is the same everywhere."""
    return 1 if getattr(unwrapped(model)[0], "homogeneous", False) else STEPS
