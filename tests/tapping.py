"""Features at a layer that is named as users name it."""

from typing import Any

from torch import Tensor, nn

from model_guidance.autodiff import capture
from model_guidance.models.layers import layer_name
from model_guidance.types import Forward


def tap(model: nn.Module, images: Tensor, layer: str, **settings: Any) -> Forward:
    return capture.tap(model, images, layer_name(model, layer), **settings)
