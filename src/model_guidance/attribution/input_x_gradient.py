"""Input times gradient: `A = sum_c features * d logit / d features`."""

from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.attribution.gradients import class_gradients
from model_guidance.attribution.maps import channel_sum
from model_guidance.autodiff.capture import CapturedFeatures
from model_guidance.types import Pairs


def input_x_gradient(
    model: nn.Module, captured: CapturedFeatures, pairs: Pairs, create_graph: bool
) -> Float[Tensor, "pairs rows columns"]:
    """Return one raw signed map per pair (Shrikumar et al., 2017)."""
    gradients = class_gradients(captured, pairs, create_graph)
    return channel_sum(pairs.of_image(captured.features), gradients)
