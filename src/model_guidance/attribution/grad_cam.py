"""GradCAM: `A = relu(sum_c mean_hw(d logit / d features) * features)`."""

from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.attribution.gradients import class_gradients
from model_guidance.attribution.maps import channel_sum
from model_guidance.autodiff.capture import CapturedFeatures
from model_guidance.types import Pairs


def grad_cam(
    model: nn.Module, captured: CapturedFeatures, pairs: Pairs, create_graph: bool
) -> Float[Tensor, "pairs rows columns"]:
    """Return one raw map per pair, nowhere negative (Selvaraju et al., 2017)."""
    weights = class_gradients(captured, pairs, create_graph).mean(dim=(2, 3), keepdim=True)
    return channel_sum(pairs.of_image(captured.features), weights).relu()
