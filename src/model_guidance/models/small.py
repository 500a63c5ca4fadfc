"""A small convolutional network of each kind, for demonstrations and for small images on small machines."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.models.backbone import Backbone, SixChannels, Standardize
from model_guidance.models.bcos.layers import BcosConv2d, UncenteredBatchNorm2d

Layer = Callable[[int, int, int, int], list[nn.Module]]  # of input channels, output channels, kernel, stride


class SmallCNN(nn.Module):
    """Five convolutions: `Float[B channels H W]` -> logits `Float[B C]`.

    | stage | layers | stride so far | receptive field |
    |---|---|---|---|
    | `layer1` | 3 x 3, 16 channels, stride 2 | 2 | 3 |
    | `layer2` | 3 x 3, 32 channels; 3 x 3, 32 channels, stride 2 | 4 | 11 |
    | `layer3` | 1 x 1, 64 channels | 4 | 11 |
    | `layer4` | 1 x 1, 64 channels | 4 | 11 |

    The receptive field stays small up to the last stage, so that a feature on an object sees little of what
    lies beside it: then attribution on the object means that the object was used. `layer` makes one
    convolution with what follows it; the classifier, `fc`, is 1 x 1 and averaged over the image.
    """

    def __init__(self, channels: int, layer: Layer, head: nn.Module, bias: float = 0.0, width: int = 16):
        super().__init__()
        self.layer1 = nn.Sequential(*layer(channels, width, 3, 2))
        self.layer2 = nn.Sequential(*layer(width, 2 * width, 3, 1), *layer(2 * width, 2 * width, 3, 2))
        self.layer3 = nn.Sequential(*layer(2 * width, 4 * width, 1, 1))
        self.layer4 = nn.Sequential(*layer(4 * width, 4 * width, 1, 1))
        self.fc = head
        self.bias = bias

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        """Return one logit per class."""
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        if isinstance(self.fc, BcosConv2d):
            return torch.mean(self.fc(x), dim=(2, 3)) + self.bias
        return self.fc(torch.mean(x, dim=(2, 3)))


def build(num_classes: int) -> Backbone:
    """Return a plain `SmallCNN`: ReLUs and biases; no normalisation, which would tie the images together."""

    def layer(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2), nn.ReLU()]

    return Backbone(SmallCNN(3, layer, nn.Linear(64, num_classes)), Standardize())


def build_xdnn(num_classes: int) -> Backbone:
    """Return a `SmallCNN` without biases but the classifier's: positively homogeneous."""

    def layer(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        return [conv, nn.ReLU()]

    network = SmallCNN(3, layer, nn.Linear(64, num_classes))
    return Backbone(network, Standardize(), homogeneous=True, default_method="intgrad")


def build_bcos(num_classes: int) -> Backbone:
    """Return a B-cos `SmallCNN`; its logits start at the prior of one class in `num_classes`."""

    def layer(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
        return [BcosConv2d(inputs, outputs, kernel, stride), UncenteredBatchNorm2d(outputs)]

    network = SmallCNN(6, layer, BcosConv2d(64, num_classes, 1), -math.log(max(num_classes - 1, 1)))
    return Backbone(network, SixChannels(), default_method="bcos")
