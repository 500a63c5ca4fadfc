"""Operations of other people's networks: one value per channel, second derivatives, channels behind."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.asserts import assert_same
from tests.capturing import features_at
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from model_guidance.attribution import attribute
from model_guidance.errors import UserError
from model_guidance.guidance import Guidance
from model_guidance.losses import energy
from model_guidance.types import Pairs, Regions

IMAGES = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)).double()
MASKS = torch.zeros(2, 6, 6, dtype=torch.bool)
MASKS[:, 1:4, 2:5] = True
REGIONS = Regions(Pairs(torch.arange(2), torch.arange(2)), MASKS)


class Own(nn.Module):
    """Convolution, an operation on the features [B C H W], mean, and a head."""

    def __init__(self, middle: nn.Module, head: nn.Module | None = None):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.middle, self.head = nn.Conv2d(3, 4, 3, padding=1), middle, head or nn.Identity()
        self.fc = nn.Linear(4, 3)
        self.double()

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.head(self.middle(self.conv(images)).mean((2, 3))))


def check_gradients(model: nn.Module, layer: str) -> None:
    """The weights' gradient of the localization loss, by finite differences along one direction."""
    guidance, labels = Guidance(model, "ixg", layer), torch.eye(3)[:2]
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    found = torch.autograd.grad(guidance(IMAGES, labels, REGIONS)[1], weights, materialize_grads=True)
    assert all(each.isfinite().all() for each in found)
    directions = [torch.randn_like(weight) for weight in weights]
    ends = []
    for step in (1e-6, -2e-6):
        with torch.no_grad():
            for weight, direction in zip(weights, directions, strict=True):
                weight.add_(step * direction)
        ends.append(guidance(IMAGES, labels, REGIONS)[1].item())
    slope = sum((each * direction).sum() for each, direction in zip(found, directions, strict=True)).item()
    assert slope != 0
    assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layer", ["input", "conv"])
def test_batch_normalisation_of_a_vector(training: bool, layer: str):
    model = Own(nn.ReLU(), nn.BatchNorm1d(4))
    model.head.running_var.uniform_(0.5, 2)
    model.train(training)
    features = model.conv(IMAGES) if layer == "conv" else IMAGES
    features = features.detach().requires_grad_()
    start = features if layer == "conv" else model.conv(features)
    logits = model.fc(model.head(start.relu().mean((2, 3))))
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), features)
    assert_same(attribute(model, IMAGES, [0, 0], "ixg", layer), (features * gradient).sum(1).detach())
    check_gradients(model, layer)


@pytest.mark.parametrize("layer", ["input", "conv"])
@pytest.mark.parametrize("annotated", [REGIONS[:1], REGIONS[:0]])
def test_one_value_per_channel_has_no_variance(layer: str, annotated: Regions):
    model = Own(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4))).train()
    with pytest.raises(UserError, match=r"more than one value for each channel.*\[1, 4, 1, 1\]"):
        Guidance(model, "ixg", layer)(IMAGES[:1], torch.eye(3)[:1], annotated)
    assert model.middle[1].running_var.isfinite().all()


class Called(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Attention(nn.Module):
    """Fused attention between pixels."""

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).mT.unsqueeze(1)
        return F.scaled_dot_product_attention(tokens, tokens, tokens).squeeze(1).mT.view_as(x)


class Unit(nn.Module):
    """Features of unit length, among them zeros, as in padded windows of cosine attention."""

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.ones_like(x)
        gate[..., :2] = 0
        return F.normalize(x * gate, dim=1) + x.square()


class Smooth(nn.Module):
    def __init__(self, inplace: bool):
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return F.hardsigmoid(x * 2, inplace=self.inplace) * x


@pytest.mark.parametrize("middle", [Attention(), Unit(), Smooth(False), Smooth(True), nn.Hardswish()])
@pytest.mark.parametrize("layer", ["input", "conv"])
def test_what_autograd_differentiates_once_only(middle: nn.Module, layer: str):
    check_gradients(Own(middle).eval(), layer)


class Gate(torch.autograd.Function):
    """A hard gate, straight through which its gradient goes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class OfNumPy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.from_numpy(np.tanh(x.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return 2 * gradients[0]


def held(x: Tensor) -> Tensor:
    with torch.no_grad():
        gate = x.mean((2, 3), keepdim=True).sigmoid()
    return x * gate


FOREIGN = {
    "straight-through": lambda x: x * Gate.apply(x),
    "computed by NumPy": lambda x: x + OfNumPy.apply(x),
    "without gradients inside": held,
    "held constant by decoration": torch.no_grad()(lambda x: x.square().mean((2, 3), keepdim=True)),
    "index by NumPy": lambda x: x[:, np.array([0, 0, 1, 2])],
    "index by a tuple": lambda x: x[:, (0, 0, 1, 2)],
    "index by bytes": lambda x: x[:, torch.tensor([0, 1, 1, 1], dtype=torch.uint8)].repeat(1, 2, 1, 1)[:, :4],
    "dropout by its other name": lambda x: torch.dropout(x, p=0.5, train=False),
    "an argument of torch's only": lambda x: x * torch.rsub(x, 1, alpha=2),
}


@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")
@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("create_graph", [True, False])
def test_as_autograd_alone_sees_it(name: str, create_graph: bool):
    model = Own(Called(lambda x: x + FOREIGN[name](x)), nn.Tanh())
    features = model.conv(IMAGES)
    logits = model.fc(model.head(model.middle(features).mean((2, 3))))
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), features, create_graph=True)
    expected = (features * gradient).sum(1)
    maps = attribute(model, IMAGES, [0, 0], "ixg", "conv", create_graph=create_graph)
    assert_same(maps.detach(), expected.detach())
    if create_graph:
        of_weights = [
            torch.autograd.grad(energy(each, MASKS).mean(), model.conv.weight)[0] for each in (maps, expected)
        ]
        assert of_weights[0].abs().max() > 0
        assert_same(*of_weights)


def test_hooks_that_change_gradients_count_in_evaluation_too():
    model = Own(nn.Tanh())
    maps = [attribute(model, IMAGES, [0, 0], "ixg", "conv")]
    model.middle.register_full_backward_hook(lambda module, inputs, outputs: (2 * inputs[0],))
    maps += [attribute(model, IMAGES, [0, 0], "ixg", "conv", create_graph=each) for each in (True, False)]
    for found in maps[1:]:
        assert_same(found.detach(), 2 * maps[0])


def test_a_network_that_saves_memory_by_itself_stays_on_the_tape():
    model = Own(Called(lambda x: x + checkpoint(torch.tanh, x, use_reentrant=False)))
    for attached in (True, False):
        assert features_at(model, IMAGES, "conv", attached=attached).without_adjoint is None
    check_gradients(model, "conv")


class Last(nn.Module):
    """A network whose stages have the channels last."""

    def __init__(self, channels: int = 4, norm: bool = False):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc = nn.Conv2d(3, channels, 3, stride=2, padding=1), nn.Linear(channels, 3)
        self.stage = nn.Sequential(
            nn.Linear(channels, channels), nn.LayerNorm(channels) if norm else nn.ReLU()
        )
        self.double()

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.stage(self.conv(images).permute(0, 2, 3, 1)).mean((1, 2)))


def by_hand(model: Last) -> Tensor:
    features = model.stage(model.conv(IMAGES).permute(0, 2, 3, 1)).detach()
    small = (features * model.fc.weight[1]).sum(3) / features[0, ..., 0].numel()
    return F.interpolate(small[None], (6, 6), mode="bilinear", align_corners=False)[0].detach()


@pytest.mark.parametrize("method", ["ixg", "intgrad"])
def test_channels_last(method: str):
    model = Last()
    assert_same(attribute(model, IMAGES, [1, 1], method, "stage"), by_hand(model))
    check_gradients(model, "stage")


def test_a_layout_that_cannot_be_told_must_be_said():
    model = Last(channels=3, norm=True)
    with pytest.raises(UserError, match=r"\[2, 3, 3, 3\].*layout="):
        attribute(model, IMAGES, [1, 1], "ixg", "stage")
    assert_same(attribute(model, IMAGES, [1, 1], "ixg", "stage", layout="NHWC"), by_hand(model))
    assert not torch.allclose(attribute(model, IMAGES, [1, 1], "ixg", "stage", layout="NCHW"), by_hand(model))
    with pytest.raises(UserError, match="NCHW, NHWC"):
        attribute(model, IMAGES, [1, 1], "ixg", "stage", layout="nhwc")
