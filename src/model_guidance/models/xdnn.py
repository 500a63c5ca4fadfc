"""X-DNN ResNets: the Fixup ResNet without biases, hence positively homogeneous.

Only the classifier has a bias, as in the network with a new head that the reference values come from; it
starts at zero, stays zero for a published checkpoint (which has none), and is part of no map.

Hesse et al., "Fast Axiomatic Attribution for Neural Networks" (2021); Zhang et al., "Fixup Initialization"
(2019). Compatible with the published checkpoints.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.models.backbone import Backbone, Standardize
from model_guidance.models.stages import DEPTHS, stage


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


class XdnnBlock(nn.Module):
    """Two 3 x 3 convolutions or a bottleneck; ReLUs between them and after the sum, nothing else."""

    def __init__(self, inputs: int, width: int, stride: int, bottleneck: bool):
        super().__init__()
        outputs = 4 * width if bottleneck else width
        if bottleneck:
            convs = [_conv(inputs, width, 1), _conv(width, width, 3, stride), _conv(width, outputs, 1)]
        else:
            convs = [_conv(inputs, width, 3, stride), _conv(width, outputs, 3)]
        self.length = len(convs)
        for i, conv in enumerate(convs, start=1):
            self.add_module(f"conv{i}", conv)
        same = stride == 1 and inputs == outputs
        self.downsample: nn.Module = nn.Identity() if same else _conv(inputs, outputs, 1, stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        """Return the rectified sum of the branch and the shortcut."""
        y = x
        for i in range(1, self.length):
            y = F.relu(self.get_submodule(f"conv{i}")(y))
        return F.relu(self.get_submodule(f"conv{self.length}")(y) + self.downsample(x))


class XdnnResNet(nn.Module):
    """`Float[B 3 H W]` -> logits `Float[B C]`, with `f(a x) - f(0) = a (f(x) - f(0))` for a > 0."""

    def __init__(self, num_classes: int, blocks: tuple[int, ...], bottleneck: bool, width: int = 64):
        super().__init__()
        self.conv1 = _conv(3, width, 7, stride=2)
        channels = width
        for i, count in enumerate(blocks):
            stride = 1 if i == 0 else 2
            layer, channels = stage(XdnnBlock, channels, width * 2**i, count, stride, bottleneck=bottleneck)
            self.add_module(f"layer{i + 1}", layer)
        self.fc = nn.Linear(channels, num_classes)
        self._initialize(sum(blocks))

    def forward(self, x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch classes"]:
        """Return one logit per class."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 3, stride=2, padding=1)
        for i in range(1, 5):
            x = self.get_submodule(f"layer{i}")(x)
        return self.fc(torch.mean(x, dim=(2, 3)))

    def _initialize(self, count: int) -> None:
        """Fixup: without normalisation, `count` residual branches must start out small."""
        for conv in (module for module in self.modules() if isinstance(module, nn.Conv2d)):
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        for block in (module for module in self.modules() if isinstance(module, XdnnBlock)):
            for i in range(1, block.length):
                weight = block.get_parameter(f"conv{i}.weight")
                weight.data *= count ** (-1 / (2 * block.length - 2))
            nn.init.zeros_(block.get_parameter(f"conv{block.length}.weight"))
        nn.init.zeros_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)


def build(num_classes: int, depth: int) -> Backbone:
    """Return an X-DNN ResNet of 18, 34, 50 or 101 layers with Fixup's initial weights."""
    network = XdnnResNet(num_classes, *DEPTHS[depth])
    return Backbone(network, Standardize(), homogeneous=True, default_method="intgrad")
