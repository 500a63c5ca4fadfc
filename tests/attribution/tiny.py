"""Networks of all three kinds with a few hundred weights, built from the real blocks, in float64."""

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

from model_guidance.models.backbone import Backbone, SixChannels, Standardize
from model_guidance.models.bcos.layers import BcosConv2d, UncenteredBatchNorm2d
from model_guidance.models.bcos.resnet import BcosBlock
from model_guidance.models.xdnn import XdnnBlock

CLASSES = 3


def plain_block(inputs: int, width: int, stride: int) -> nn.Module:
    shortcut = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))
    return BasicBlock(inputs, width, stride, shortcut)


class Tiny(nn.Module):
    """Stem, four stages of one block with two channels, classifier."""

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        if kind == "bcos":
            self.stem = nn.Sequential(BcosConv2d(6, 2, 3), UncenteredBatchNorm2d(2))
        else:
            norm = nn.BatchNorm2d(2) if kind == "plain" else nn.Identity()
            self.stem = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1, bias=False), norm, nn.ReLU())
        for i, stride in enumerate((1, 2, 2, 1), start=1):
            block = {
                "plain": lambda s=stride: plain_block(2, 2, s),
                "xdnn": lambda s=stride: XdnnBlock(2, 2, s, bottleneck=False),
                "bcos": lambda s=stride: BcosBlock(2, 2, s, bottleneck=False),
            }[kind]()
            self.add_module(f"layer{i}", nn.Sequential(block))
        self.fc = BcosConv2d(2, CLASSES, 1) if kind == "bcos" else nn.Linear(2, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
        return self.fc(x).mean((2, 3)) if self.kind == "bcos" else self.fc(x.mean((2, 3)))


def build(kind: str) -> Backbone:
    """Return "plain", "xdnn" or "bcos" in evaluation mode, or in training mode: "bcos-training"."""
    kind, _, mode = kind.partition("-")
    torch.manual_seed(0)
    model = Backbone(
        Tiny(kind),
        SixChannels() if kind == "bcos" else Standardize(),
        homogeneous=kind == "xdnn",
    ).double()
    for parameter in model.parameters():
        with torch.no_grad():
            spread = 0.5 / max(parameter[0].numel(), 1) ** 0.5
            parameter.copy_(spread * (1 + torch.randn_like(parameter)))  # shifted up: ReLUs stay alive
    for name, buffer in model.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 1.5)
    return model.train(mode == "training")


def images(count: int = 2, size: int = 8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, size, size, generator=generator, dtype=torch.float64)
