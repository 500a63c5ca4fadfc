"""B-cos explanation: `A = sum_c W(x)_c * x_c`, the contributions to the logit of a B-cos network."""

from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.attribution.input_x_gradient import input_x_gradient
from model_guidance.autodiff.capture import CapturedFeatures
from model_guidance.autodiff.dynamic_linear import DynamicLayer, constant_factors
from model_guidance.errors import UserError
from model_guidance.types import Pairs


def bcos(
    model: nn.Module, captured: CapturedFeatures, pairs: Pairs, create_graph: bool
) -> Float[Tensor, "pairs rows columns"]:
    """Return one raw signed map per pair (Böhle et al., 2022).

    `W(x)` is held constant in the backward pass that makes the map, and only there: with `create_graph`
    the map depends on the weights through `W(x)` as well. Raises `UserError` for other networks.
    """
    check_bcos(model)
    with constant_factors(model):
        return input_x_gradient(model, captured, pairs, create_graph)


def check_bcos(model: nn.Module) -> None:
    """Raise `UserError` unless `model` has B-cos layers."""
    if not any(isinstance(module, DynamicLayer) for module in model.modules()):
        raise UserError("method 'bcos' explains B-cos networks only: choose ixg, intgrad or gradcam")
