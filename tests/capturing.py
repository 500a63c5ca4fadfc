"""Features at a layer that is named as users name it."""

from typing import Any

from torch import Tensor, nn

from model_guidance.autodiff.capture import CapturedFeatures, capture_features
from model_guidance.models.layers import layer_name


def features_at(model: nn.Module, images: Tensor, layer: str, **settings: Any) -> CapturedFeatures:
    return capture_features(model, images, layer_name(model, layer), **settings)
