"""Plain ResNets: torchvision's."""

import torchvision

from model_guidance.models.backbone import Backbone, Standardize


def build(num_classes: int, depth: int) -> Backbone:
    """Return torchvision's ResNet of 18, 34, 50 or 101 layers with random weights."""
    network = torchvision.models.get_model(f"resnet{depth}", weights=None, num_classes=num_classes)
    return Backbone(network, Standardize())
