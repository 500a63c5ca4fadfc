"""Maps of channels last and of tokens, with weight gradients, against plain autograd and a view by hand."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from tests.asserts import assert_same, assert_untouched
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from model_guidance.attribution import attribute
from model_guidance.autodiff.layout import Layout
from model_guidance.errors import UserError
from model_guidance.models.layers import find_layer, layers

SQUARE, WIDE = (64, 64), (32, 64)
VIT = {"embed_dim": 24, "depth": 3, "num_heads": 2}
TOKENS = {  # name -> settings, size, final layer, prefix tokens, grid
    "vit_tiny_patch16_224": (VIT, WIDE, "blocks.1", 1, (2, 4)),
    "vit_base_patch16_siglip_224": (VIT, WIDE, "blocks.1", 0, (2, 4)),
    "deit_tiny_distilled_patch16_224": (VIT, SQUARE, "blocks.1", 2, (4, 4)),
    "vit_small_patch14_reg4_dinov2": (VIT, (28, 56), "blocks.1", 5, (2, 4)),
    "beit_base_patch16_224": (VIT, SQUARE, "blocks.1", 1, (4, 4)),
    "cait_xxs24_224": (VIT, WIDE, "blocks", 0, (2, 4)),  # two blocks of class attention follow
    "xcit_nano_12_p16_224": (VIT, WIDE, "cls_attn_blocks.0", 1, (2, 4)),
    "mixer_s32_224": ({}, SQUARE, "blocks.6", 0, (2, 2)),
    "eva02_tiny_patch14_224": (VIT, (28, 56), "blocks.1", 1, (2, 4)),
    "levit_128s": (
        {"embed_dim": (32, 32, 48), "num_heads": (2, 2, 3), "depth": (1, 1, 2)},
        (128, 128),
        "stages.2.blocks.0",
        0,
        (2, 2),
    ),
    "efficientformer_l1": (
        {"depths": (1, 1, 1, 3), "embed_dims": (8, 8, 16, 24), "num_vit": 3},
        (224, 224),
        "stages.3.blocks.2",
        0,
        (7, 7),
    ),
}
BEHIND = {  # channels last: name -> settings, final layer
    "swin_tiny_patch4_window7_224": (
        {"embed_dim": 8, "depths": (1, 1, 1, 1), "num_heads": (1, 1, 2, 2), "window_size": 2},
        "norm",
    ),
    "mambaout_femto": ({"depths": (1, 1, 1, 1), "dims": (8, 16, 16, 24)}, "stages"),
}


def network(name: str, settings: dict[str, Any], size: tuple[int, int]) -> nn.Module:
    torch.manual_seed(0)
    own = {} if name.startswith(("efficientformer", "mambaout")) else {"img_size": size}
    model = timm.create_model(name, num_classes=3, **settings, **own).double().eval()
    for weight in model.parameters():
        if not weight.detach().any():
            nn.init.normal_(weight, std=0.1)  # heads and tokens that start at zero give no map
    return model


def check(model: nn.Module, size: tuple[int, int], layer: str, view: Callable[[Tensor], Tensor]) -> None:
    """Compare `final` with input times gradient of a hooked layer, `view` taking it [B, ...] to [B, R, C]."""
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1)).double()
    by_hand = deepcopy(
        model
    )  # in evaluation mode some networks keep tensors, with their graph, between calls
    with assert_untouched(model):
        assert find_layer(model, "final", images) == layer
    kept: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        kept.append(output[0] if isinstance(output, tuple) else output)

    handle = by_hand.get_submodule(layer).register_forward_hook(keep)
    with sdpa_kernel(SDPBackend.MATH):
        logits = by_hand(images)
        handle.remove()
        (gradient,) = torch.autograd.grad(logits[0, 1] + logits[1, 2], kept[0], create_graph=True)
    small = view((kept[0] * gradient).sum(dim=-1))
    wanted = F.interpolate(small[None], size, mode="bilinear", align_corners=False)[0]
    assert wanted.abs().max() > 0
    maps = attribute(model, images, [1, 2], "ixg", "final", create_graph=True)
    assert_same(maps.detach(), wanted.detach(), 1e-8)
    assert_same(attribute(model, images, [1, 2], "ixg", layer), wanted.detach(), 1e-8)
    along = torch.rand(wanted.shape, generator=torch.Generator().manual_seed(2)).double()
    ours, plain = (
        torch.autograd.grad(
            (of * along).sum(), [*own.parameters()], materialize_grads=True, allow_unused=True
        )
        for of, own in ((maps, model), (wanted, by_hand))
    )
    for found, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(found, other, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("name", TOKENS)
def test_tokens(name: str):
    settings, size, layer, prefix, grid = TOKENS[name]
    model = network(name, settings, size)
    check(model, size, layer, lambda tokens: tokens[:, prefix:].unflatten(1, grid))
    listed = {each.depth: each for each in layers(model, torch.rand(1, 3, *size).double())}
    assert listed["final"][1:4] == (*grid, f"tokens:{prefix}:{grid[0]}x{grid[1]}")


@pytest.mark.parametrize("name", BEHIND)
def test_channels_last(name: str):
    settings, layer = BEHIND[name]
    check(network(name, settings, SQUARE), SQUARE, layer, lambda features: features)


def test_torchvision():
    torch.manual_seed(0)
    vit = torchvision.models.VisionTransformer(32, 8, 3, 2, 16, 32, num_classes=3)
    nn.init.normal_(vit.heads.head.weight)
    check(
        vit.double().eval(),
        (32, 32),
        "encoder.layers.encoder_layer_1",
        lambda tokens: tokens[:, 1:].unflatten(1, (4, 4)),
    )
    swin = (
        torchvision.models.SwinTransformer([4, 4], 6, [1, 1], [1, 2], [2, 2], num_classes=3).double().eval()
    )
    images = torch.rand(1, 3, *WIDE).double()
    assert [each[1:] for each in layers(swin, images) if each.depth == "final"] == [(4, 8, "NCHW", "final")]
    assert {each.name: each.layout for each in layers(swin, images)}["features"] == "NHWC"


def test_nested_tokens_are_those_that_hiera_unrolls():
    settings = {"embed_dim": 8, "num_heads": 1, "stages": (1, 1, 2, 2)}
    model = network("hiera_tiny_224", settings, (64, 96))
    check(model, (64, 96), "blocks.4", lambda tokens: tokens.unflatten(1, (2, 3)))
    listed = {each.name: each for each in layers(model, torch.rand(1, 3, 64, 96).double())}
    for block, levels in ((0, 3), (1, 2), (3, 1)):
        found = listed[f"blocks.{block}"]
        places = (2 << levels) * (3 << levels)
        assert found[1:4] == (2 << levels, 3 << levels, f"tokens:0:{2 << levels}x{3 << levels}:{levels}")
        tokens = torch.rand(2, places, 5)
        layout = Layout("tokens", 0, (found.rows, found.columns), levels)
        assert_same(layout.to_map(tokens), model.reroll(tokens, block).movedim(-1, 1))
        assert_same(layout.from_map(layout.to_map(tokens), tokens), tokens)


@pytest.mark.parametrize("layout", [Layout("NCHW"), Layout("NHWC"), Layout("tokens", 2, (3, 4))])
def test_a_map_goes_back_to_where_it_came_from(layout: Layout):
    shape = (2, 14, 5) if layout.axes == "tokens" else (2, 3, 4, 5)
    output, other = torch.rand(shape), torch.rand(shape)
    back = layout.from_map(layout.to_map(other), output)
    assert_same(layout.to_map(back), layout.to_map(other))
    assert_same(back[:, : layout.prefix], output[:, : layout.prefix])
    assert layout.to_map(output).shape[2:] == layout.sides(output.shape)


class Tokens(nn.Module):
    """Patches, `prefix` more tokens in front, a block, and the mean of all."""

    def __init__(self, prefix: int, channels: int):
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.prefix = (
            nn.Conv2d(3, channels, 2, 2),
            nn.Parameter(torch.randn(1, prefix, channels)),
        )
        self.block, self.fc = nn.Linear(channels, channels), nn.Linear(channels, 2)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).mT
        tokens = torch.cat([self.prefix.expand(len(images), -1, -1), tokens], dim=1)
        return self.fc(self.block(tokens).tanh().mean(dim=1))


class Pair(nn.Linear):
    """A block that puts out its tokens and something else."""

    def forward(self, input: Tensor) -> Any:
        return super().forward(input), input.shape[1]


def test_blocks_that_put_out_more_than_tokens():
    class Blocks(Tokens):
        def forward(self, images: Tensor) -> Tensor:
            tokens, count = self.block(self.patches(images).flatten(2).mT)
            return self.fc(tokens.tanh().sum(dim=1) / count)

    plain, pairs = Tokens(0, 5), Blocks(0, 5)
    pairs.block = Pair(5, 5)
    pairs.load_state_dict(plain.state_dict())
    images = torch.rand(2, 3, 8, 8)
    for method in ("ixg", "intgrad"):
        found = [
            attribute(model, images, [0, 1], method, "block", layout="tokens:0") for model in (plain, pairs)
        ]
        assert found[0].abs().max() > 0
        assert_same(found[0], found[1], 1e-6)


def test_tokens_that_cannot_be_told_must_be_said():
    model, images = Tokens(3, 5), torch.rand(1, 3, 8, 8)
    with pytest.raises(UserError, match=r"\[1, 19, 5\].*layout="):
        attribute(model, images, [0], "ixg", "block")
    said = [
        attribute(model, images, [0], method, "block", layout=layout)
        for method in ("ixg", "intgrad")
        for layout in ("tokens:3", "tokens:3:4x4")
    ]
    features = model.block(torch.cat([model.prefix, model.patches(images).flatten(2).mT], 1)).detach()
    features.requires_grad_()
    (gradient,) = torch.autograd.grad(model.fc(features.tanh().mean(1))[0, 0], features)
    small = (features * gradient).sum(-1)[:, 3:].unflatten(1, (4, 4)).detach()
    assert_same(said[0], F.interpolate(small[None], (8, 8), mode="bilinear", align_corners=False)[0], 1e-5)
    assert_same(said[0], said[1])
    assert_same(said[2], said[3])
    for wrong, words in (("tokens:3:2x4", "no such grid"), ("tokens:1", "no such grid"), ("NCHW", "axes")):
        with pytest.raises(UserError, match=words):
            attribute(model, images, [0], "ixg", "block", layout=wrong)
    with pytest.raises(UserError, match="tokens:PREFIX"):
        attribute(model, images, [0], "ixg", "block", layout="tokens:3:4")


def test_channels_that_may_be_tokens_are_asked_for():
    with pytest.raises(UserError, match=r"\[1, 17, 9\].*layout="):
        attribute(Tokens(1, 9), torch.rand(1, 3, 8, 8), [0], "ixg", "block")
    found = attribute(Tokens(1, 5), torch.rand(1, 3, 8, 8), [0], "ixg", "block")
    assert_same(found, attribute(Tokens(1, 5), torch.rand(1, 3, 8, 8), [0], "ixg", "block", layout="tokens"))
