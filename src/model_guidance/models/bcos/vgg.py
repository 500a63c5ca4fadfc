"""The B-cos VGG-11 (version 2), batch normalisation uncentred; compatible with the published checkpoint."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.models.backbone import Backbone, SixChannels
from model_guidance.models.bcos.layers import LOGIT_BIAS, BcosConv2d, UncenteredBatchNorm2d

VGG11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))  # channels of the layers between the pools
DEPTHS = {"mid1": "features.9", "mid2": "features.14", "mid3": "features.19", "final": "features"}


class BcosVGG(nn.Module):
    """`Float[B 6 H W]` -> logits `Float[B C]`; the classifier's three layers are convolutions."""

    def __init__(self, num_classes: int, stages: tuple[tuple[int, ...], ...] = VGG11, hidden: int = 4096):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 6
        for stage in stages:
            for width in stage:
                layers += [BcosConv2d(channels, width, 3), UncenteredBatchNorm2d(width)]
                channels = width
            layers.append(nn.AvgPool2d(2, stride=2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            BcosConv2d(channels, hidden, 7), BcosConv2d(hidden, hidden), BcosConv2d(hidden, num_classes)
        )

    def forward(self, x: Float[Tensor, "batch 6 height width"]) -> Float[Tensor, "batch classes"]:
        """Return one logit per class."""
        return torch.mean(self.classifier(self.features(x)), dim=(2, 3)) + LOGIT_BIAS


def build(num_classes: int) -> Backbone:
    """Return a B-cos VGG-11 with random weights."""
    return Backbone(
        BcosVGG(num_classes),
        SixChannels(),
        layers={depth: f"network.{name}" for depth, name in DEPTHS.items()},
        head="network.classifier.2",
        default_method="bcos",
        stages=[],
    )
