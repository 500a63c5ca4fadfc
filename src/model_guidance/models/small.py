"""A small convolutional network, for demonstrations and for small images on small machines."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.models.backbone import Backbone, Standardize


class SmallCNN(nn.Module):
    """Five convolutions with ReLUs: `Float[B 3 H W]` -> logits `Float[B C]`.

    | stage | layers | stride so far | receptive field |
    |---|---|---|---|
    | `layer1` | 3 x 3, 16 channels, stride 2 | 2 | 3 |
    | `layer2` | 3 x 3, 32 channels; 3 x 3, 32 channels, stride 2 | 4 | 11 |
    | `layer3` | 1 x 1, 64 channels | 4 | 11 |
    | `layer4` | 1 x 1, 64 channels | 4 | 11 |

    The receptive field stays small up to the last stage, so that a feature on an object sees little of what
    lies beside it: then attribution on the object means that the object was used. There is no normalisation
    over the batch, which would tie the maps of its images together.
    """

    def __init__(self, num_classes: int, width: int = 16):
        super().__init__()
        self.layer1 = nn.Sequential(*_conv(3, width, 3, stride=2))
        self.layer2 = nn.Sequential(*_conv(width, 2 * width, 3), *_conv(2 * width, 2 * width, 3, stride=2))
        self.layer3 = nn.Sequential(*_conv(2 * width, 4 * width, 1))
        self.layer4 = nn.Sequential(*_conv(4 * width, 4 * width, 1))
        self.fc = nn.Linear(4 * width, num_classes)

    def forward(self, x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch classes"]:
        """Return one logit per class."""
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.mean(x, dim=(2, 3)))


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2), nn.ReLU()


def build(num_classes: int) -> Backbone:
    """Return a `SmallCNN` with random weights."""
    return Backbone(SmallCNN(num_classes), Standardize())
