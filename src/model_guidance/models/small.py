"""Placeholder until the real file lands."""

from torch import nn

from model_guidance.models.backbone import Backbone, Standardize


def build(num_classes: int) -> Backbone:
    return Backbone(
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, num_classes)),
        Standardize(),
        head="network.3",
    )
