"""B-cos ConvNeXts (version 2), compatible with the published checkpoints.

`pn` normalises each place over its channels, `bnu` each channel over the batch, uncentred. Stochastic depth,
with which they were trained, is left out.
"""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.models.backbone import Backbone, SixChannels
from model_guidance.models.bcos.layers import LOGIT_BIAS, BcosConv2d, CenteredNorm, UncenteredBatchNorm2d

CONVNEXTS = {  # width of the first stage, blocks per stage
    "tiny": (96, (3, 3, 9, 3)),
    "base": (128, (3, 3, 27, 3)),
}
Norm = Callable[[int], nn.Module]
NORMS: dict[str, Norm] = {
    "pn": partial(CenteredNorm, axes=(1,), eps=1e-6),
    "bnu": UncenteredBatchNorm2d,
}
LAYER_SCALE = 1e-6


class ConvNeXtBlock(nn.Module):
    """7 x 7 depthwise, normalisation, and two 1 x 1 layers, added to the input."""

    def __init__(self, width: int, norm: Norm):
        super().__init__()
        self.block = nn.Sequential(
            BcosConv2d(width, width, 7, groups=width),
            norm(width),
            BcosConv2d(width, 4 * width),
            BcosConv2d(4 * width, width),
        )
        self.layer_scale = nn.Parameter(torch.full((width, 1, 1), LAYER_SCALE))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return the sum of the branch and the input."""
        return self.layer_scale * self.block(x) + x


class BcosConvNeXt(nn.Module):
    """`Float[B 6 H W]` -> logits `Float[B C]`; the classifier is a B-cos layer before the pooling."""

    def __init__(self, num_classes: int, width: int, blocks: tuple[int, ...], norm: Norm):
        super().__init__()
        layers: list[nn.Module] = [BcosConv2d(6, width, 4, stride=4, padding=0), norm(width)]
        for i, count in enumerate(blocks):
            if i:
                down = BcosConv2d(width, 2 * width, 2, stride=2, padding=0)
                layers.append(nn.Sequential(norm(width), down))
                width *= 2
            layers.append(nn.Sequential(*(ConvNeXtBlock(width, norm) for _ in range(count))))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(norm(width), BcosConv2d(width, num_classes))

    def forward(self, x: Float[Tensor, "batch 6 height width"]) -> Float[Tensor, "batch classes"]:
        """Return one logit per class."""
        return torch.mean(self.classifier(self.features(x)), dim=(2, 3)) + LOGIT_BIAS


def build(num_classes: int, size: str, norm: str) -> Backbone:
    """Return a B-cos ConvNeXt, tiny or base, with random weights; `norm` is pn or bnu."""
    stages = [f"network.features.{index}" for index in (2, 4, 6, 8)]
    return Backbone(
        BcosConvNeXt(num_classes, *CONVNEXTS[size], NORMS[norm]),
        SixChannels(),
        layers=dict(zip(("mid1", "mid2", "mid3", "final"), (*stages[:3], "network.features"), strict=True)),
        head="network.classifier.1",
        default_method="bcos",
        stages=stages,
    )
