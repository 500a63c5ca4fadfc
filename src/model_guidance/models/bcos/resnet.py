"""B-cos ResNets (version 2), compatible with the published checkpoints."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.models.backbone import Backbone, SixChannels
from model_guidance.models.bcos.layers import LOGIT_BIAS, BcosConv2d, UncenteredBatchNorm2d
from model_guidance.models.stages import DEPTHS, stage


class BcosBlock(nn.Module):
    """A residual block of one or two 3 x 3 layers, or a bottleneck, without any ReLU."""

    def __init__(self, inputs: int, width: int, stride: int, bottleneck: bool):
        super().__init__()
        outputs = 4 * width if bottleneck else width
        if bottleneck:
            shapes = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        else:
            shapes = [(inputs, width, 3, stride), (width, outputs, 3, 1)]
        self.length = len(shapes)
        for i, shape in enumerate(shapes, start=1):
            self.add_module(f"conv{i}", BcosConv2d(*shape))
            self.add_module(f"bn{i}", UncenteredBatchNorm2d(shape[1]))
        self.downsample = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                BcosConv2d(inputs, outputs, 1, stride), UncenteredBatchNorm2d(outputs)
            )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        """Return the sum of the branch and the shortcut."""
        y = x
        for i in range(1, self.length + 1):
            y = self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(y))
        return y + self.downsample(x)


class BcosResNet(nn.Module):
    """`Float[B 6 H W]` -> logits `Float[B C]`; the classifier is a B-cos layer before the pooling."""

    def __init__(self, num_classes: int, blocks: tuple[int, ...], bottleneck: bool, width: int = 64):
        super().__init__()
        self.conv1 = BcosConv2d(6, width, 7, stride=2)
        self.bn1 = UncenteredBatchNorm2d(width)
        self.pool = nn.AvgPool2d(3, stride=2, padding=1)
        channels = width
        for i, count in enumerate(blocks):
            stride = 1 if i == 0 else 2
            layer, channels = stage(BcosBlock, channels, width * 2**i, count, stride, bottleneck=bottleneck)
            self.add_module(f"layer{i + 1}", layer)
        self.fc = BcosConv2d(channels, num_classes, 1)

    def forward(self, x: Float[Tensor, "batch 6 height width"]) -> Float[Tensor, "batch classes"]:
        """Return one logit per class."""
        x = self.pool(self.bn1(self.conv1(x)))
        for i in range(1, 5):
            x = self.get_submodule(f"layer{i}")(x)
        return torch.mean(self.fc(x), dim=(2, 3)) + LOGIT_BIAS


def build(num_classes: int, depth: int) -> Backbone:
    """Return a B-cos ResNet of 18, 34, 50 or 101 layers with random weights."""
    return Backbone(BcosResNet(num_classes, *DEPTHS[depth]), SixChannels(), default_method="bcos")
