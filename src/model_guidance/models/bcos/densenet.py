"""B-cos DenseNets (version 2), compatible with the published checkpoints."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.models.backbone import Backbone, SixChannels
from model_guidance.models.bcos.layers import LOGIT_BIAS, BcosConv2d, UncenteredBatchNorm2d

DENSE: dict[int, tuple[int, tuple[int, ...], int]] = {  # layers -> growth, layers per block, first channels
    121: (32, (6, 12, 24, 16), 64),
    161: (48, (6, 12, 36, 24), 96),
    169: (32, (6, 12, 32, 32), 64),
    201: (32, (6, 12, 48, 32), 64),
}
BOTTLENECK = 4  # times the growth


class DenseLayer(nn.Module):
    """A bottleneck of 1 x 1 and 3 x 3 on everything that came before it in the block."""

    def __init__(self, inputs: int, growth: int):
        super().__init__()
        self.norm1 = UncenteredBatchNorm2d(inputs)
        self.conv1 = BcosConv2d(inputs, BOTTLENECK * growth, 1)
        self.norm2 = UncenteredBatchNorm2d(BOTTLENECK * growth)
        self.conv2 = BcosConv2d(BOTTLENECK * growth, growth, 3)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h w"]:
        """Return the input and the new channels behind it."""
        new = self.conv2(self.norm2(self.conv1(self.norm1(x))))
        return torch.cat([x, new], dim=1)


class BcosDenseNet(nn.Module):
    """`Float[B 6 H W]` -> logits `Float[B C]`; the classifier is a B-cos layer before the pooling."""

    def __init__(self, num_classes: int, growth: int, blocks: tuple[int, ...], width: int):
        super().__init__()
        self.features = nn.Sequential()
        self.features.add_module("conv0", BcosConv2d(6, width, 7, stride=2))
        self.features.add_module("norm0", UncenteredBatchNorm2d(width))
        self.features.add_module("pool0", nn.AvgPool2d(3, stride=2, padding=1))
        for i, count in enumerate(blocks, start=1):
            block = nn.Sequential()
            for j in range(count):
                block.add_module(f"denselayer{j + 1}", DenseLayer(width + j * growth, growth))
            self.features.add_module(f"denseblock{i}", block)
            width += count * growth
            if i < len(blocks):
                self.features.add_module(f"transition{i}", _transition(width))
                width //= 2
        self.features.add_module("norm5", UncenteredBatchNorm2d(width))
        self.classifier = BcosConv2d(width, num_classes, 1)

    def forward(self, x: Float[Tensor, "batch 6 height width"]) -> Float[Tensor, "batch classes"]:
        """Return one logit per class."""
        return torch.mean(self.classifier(self.features(x)), dim=(2, 3)) + LOGIT_BIAS


def _transition(width: int) -> nn.Sequential:
    transition = nn.Sequential()
    transition.add_module("norm", UncenteredBatchNorm2d(width))
    transition.add_module("conv", BcosConv2d(width, width // 2, 1))
    transition.add_module("pool", nn.AvgPool2d(2, stride=2))
    return transition


def build(num_classes: int, depth: int) -> Backbone:
    """Return a B-cos DenseNet of 121, 161, 169 or 201 layers with random weights."""
    blocks = {f"mid{i}": f"network.features.denseblock{i}" for i in (1, 2, 3)}
    return Backbone(
        BcosDenseNet(num_classes, *DENSE[depth]),
        SixChannels(),
        layers={**blocks, "final": "network.features"},
        head="network.classifier",
        default_method="bcos",
        stages=[*blocks.values(), "network.features.denseblock4"],
    )
