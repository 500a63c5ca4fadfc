"""B-cos vision transformers with a convolutional stem (version 2), compatible with the published checkpoints.

An explanation holds the attention matrices constant, as it does the factors of the layers. Positions are
added as published, so a map leaves out what they contribute.
"""

from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model_guidance.models.backbone import Backbone, SixChannels
from model_guidance.models.bcos.gates import Held
from model_guidance.models.bcos.layers import LOGIT_BIAS, BcosConv2d, BcosLinear, CenteredNorm

VITS: dict[str, tuple[int, int, int, tuple[int, ...]]] = {  # channels, blocks, heads, channels of the stem
    "ti": (192, 11, 3, (24, 48, 96, 192)),
    "s": (384, 11, 6, (48, 96, 192, 384)),
    "b": (768, 11, 12, (64, 128, 128, 256, 256, 512)),
    "l": (1024, 13, 16, (64, 128, 128, 256, 256, 512)),
}
TOKENS, IMAGE = (-1,), (1, 2, 3)  # the axes that are normalised over
TEMPERATURE = 10_000


def positions(rows: int, columns: int, channels: int, like: Tensor) -> Float[Tensor, "tokens channels"]:
    """Return sines and cosines of column and row, a quarter of the channels each."""
    count = channels // 4
    speed = 1.0 / TEMPERATURE ** (torch.arange(count, device=like.device) / (count - 1))
    y, x = torch.meshgrid(
        torch.arange(rows, device=like.device), torch.arange(columns, device=like.device), indexing="ij"
    )
    x, y = x.reshape(-1, 1) * speed, y.reshape(-1, 1) * speed
    return torch.cat((x.sin(), x.cos(), y.sin(), y.cos()), dim=1).to(like.dtype)


class Attention(nn.Module):
    """Attention whose values and output are linear; the matrix that mixes them is a factor."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = CenteredNorm(channels, TOKENS)
        self.to_qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.to_out = BcosLinear(channels, channels)
        self.held = Held(torch.clone)

    def forward(self, x: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        """Mix the tokens."""
        qkv = self.to_qkv(self.norm(x)).chunk(3, dim=-1)
        q, k, v = (each.unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in qkv)
        scores = torch.matmul(q, k.transpose(-1, -2)) * q.shape[-1] ** -0.5
        mixed = torch.matmul(self.held(scores.softmax(dim=-1)), v)
        return self.to_out(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Normalisation and two B-cos layers."""

    def __init__(self, channels: int):
        super().__init__()
        self.net = nn.Sequential(
            OrderedDict(
                norm=CenteredNorm(channels, TOKENS),
                linear1=BcosLinear(channels, 4 * channels),
                linear2=BcosLinear(4 * channels, channels),
            )
        )

    def forward(self, x: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        """Transform each token by itself."""
        return self.net(x)


class Encoder(nn.Module):
    """A block: attention and feed-forward, each added to its input."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.attn = Attention(channels, heads)
        self.ff = FeedForward(channels)

    def forward(self, x: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        """Return the tokens behind the block."""
        x = self.attn(x) + x
        return self.ff(x) + x


class BcosViT(nn.Module):
    """`Float[B 6 H W]` -> logits `Float[B C]`; one token for 16 x 16 pixels, no class token."""

    def __init__(self, num_classes: int, channels: int, depth: int, heads: int, stem: tuple[int, ...]):
        super().__init__()
        self.to_patch_embedding = nn.Sequential()
        self.to_patch_embedding.add_module("conv_stem", _stem(stem))
        self.to_patch_embedding.add_module("linear", BcosLinear(stem[-1], channels))
        self.transformer = nn.Sequential()
        for i in range(depth):
            self.transformer.add_module(f"encoder_{i}", Encoder(channels, heads))
        self.linear_head = nn.Sequential(
            OrderedDict(norm=CenteredNorm(channels, TOKENS), linear=BcosLinear(channels, num_classes))
        )

    def forward(self, x: Float[Tensor, "batch 6 height width"]) -> Float[Tensor, "batch classes"]:
        """Return one logit per class."""
        x = self.to_patch_embedding(x)
        rows, columns, channels = x.shape[1:]
        x = x.flatten(1, 2) + positions(rows, columns, channels, x)
        return self.linear_head(self.transformer(x).mean(dim=1)) + LOGIT_BIAS


class ChannelsLast(nn.Module):
    """Move the channels behind the columns."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b h w c"]:
        """Return one vector for each place."""
        return x.permute(0, 2, 3, 1)


def _stem(widths: tuple[int, ...]) -> nn.Sequential:
    """Return 3 x 3 layers, stride 2 where channels are added; an Identity keeps the published numbers."""
    layers: list[nn.Module] = []
    inputs = 6
    for width in widths:
        conv = BcosConv2d(inputs, width, 3, stride=2 if width > inputs else 1)
        layers += [conv, CenteredNorm(width, IMAGE), nn.Identity()]
        inputs = width
    return nn.Sequential(*layers, ChannelsLast())


def build(num_classes: int, size: str) -> Backbone:
    """Return a B-cos ViT-C, ti, s, b or l, with random weights."""
    channels, depth, heads, stem = VITS[size]
    places = {f"mid{i}": i * (depth - 1) // 4 for i in (1, 2, 3)} | {"final": depth - 2}
    return Backbone(
        BcosViT(num_classes, channels, depth, heads, stem),
        SixChannels(),
        layers={name: f"network.transformer.encoder_{index}" for name, index in places.items()},
        head="network.linear_head.linear",
        default_method="bcos",
        stages=["network.transformer"],
    )
