"""Networks made B-cos: what stays as it was, what their maps say, what reaches their weights."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tests.asserts import assert_names, assert_same, assert_untouched
from tests.attribution.test_weight_gradients import check
from torch import Tensor, nn

import model_guidance as mg
from model_guidance.attribution import as_pairs, capture
from model_guidance.autodiff.dynamic_linear import constant_factors
from model_guidance.errors import UserError
from model_guidance.models import Backbone, bcosify, build
from model_guidance.models import weights as checkpoints
from model_guidance.models.backbone import SixChannels, Standardize
from model_guidance.models.bcos.gates import GATES, HELD, gated
from model_guidance.models.bcos.transform import COSINE_EPSILON, BcosTransform

NETWORKS = ["small", "resnet18", "torchvision/squeezenet1_1", "timm/test_efficientnet", "timm/test_resnet"]


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def images(size: int = 32) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def trained(name: str) -> Backbone:
    """Return a network whose batch normalisation has statistics, gains and shifts of its own."""
    torch.manual_seed(0)
    model = build(name, 4).double()
    for each, value in [*model.named_parameters(), *model.named_buffers()]:
        if value.ndim == 1 and value.is_floating_point():
            low = -0.2 if "mean" in each or "bias" in each else 0.8
            value.data.uniform_(low, low + 0.4)
    return model.eval()


class Mobile(nn.Module):
    """Two channels, every kind of layer: depthwise, batch normalisation, ReLU6, GELU, a gate, a pool."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU6())
        self.depthwise = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.BatchNorm2d(4), nn.GELU())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.depthwise(x)
        return self.fc(self.pool(x + y * self.gate(y)).mean((2, 3)))


def mobile(exponent: float = 2.0, training: bool = False) -> Backbone:
    torch.manual_seed(1)
    model = bcosify(Mobile().double(), exponent, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    for name, buffer in model.named_buffers():
        if "running_var" in name:
            buffer.uniform_(0.01, 0.02)
    return model.train(training)


@pytest.mark.parametrize("settings", [{"padding": 1}, {"stride": 2, "padding": 3, "bias": False}])
def test_the_first_layer_computes_what_it_did(settings: dict):
    conv = nn.Conv2d(3, 5, 3, **settings).double()
    network = nn.Sequential(conv, nn.Flatten(), nn.LazyLinear(2).double())
    encode = Standardize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)).double()
    expected = conv(encode(images()))
    network(encode(images()))
    model = bcosify(
        network, 1, bias=True, mean=encode.mean.flatten().tolist(), std=encode.std.flatten().tolist()
    )
    assert_same(model.network[0](SixChannels()(images())), expected, 1e-12)
    assert model.network[0].linear.weight.shape[1] == 6


@pytest.mark.parametrize("name", NETWORKS)
def test_with_biases_and_exponent_1_nothing_has_changed(name: str):
    model = trained(name)
    with assert_untouched(model):
        same = bcosify(model, 1, bias=True)
    assert not same.training
    assert_same(same(images()), model(images()), 1e-12)
    assert (same.layers, same.head, same.stages) == (model.layers, model.head, model.stages)


def patches(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Return [images, groups, values of a patch, places]."""
    found = F.unfold(x, conv.kernel_size, conv.dilation, conv.padding, conv.stride)
    return found.unflatten(1, (conv.groups, -1))


@pytest.mark.parametrize("exponent", [1, 1.5, 2, 3])
@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(4, 6, 3, 2, 1),
        nn.Conv2d(4, 6, (1, 3), groups=2),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4, bias=False),
    ],
)
def test_a_convolution_is_scaled_by_its_cosines(conv: nn.Conv2d, exponent: float):
    layer, x = BcosTransform(_copy(conv), exponent, bias=True), randn(2, 4, 7, 6)
    columns, weights = patches(x, conv), conv.weight.double().reshape(conv.groups, -1, conv.weight[0].numel())
    along = torch.einsum("bgkn,gok->bgon", columns, weights)
    norms = (columns.square().sum(2, keepdim=True) + 1e-6).sqrt() * weights.norm(dim=2)[None, :, :, None]
    expected = _raised(along, norms, exponent).flatten(1, 2).reshape(layer(x).shape)
    bias = 0 if conv.bias is None else conv.bias.double().view(-1, 1, 1)
    assert_same(layer(x), expected + bias, 1e-5 if exponent == 1.5 else 1e-10)


@pytest.mark.parametrize("exponent", [1, 2])
def test_a_linear_layer_is_scaled_by_its_cosines(exponent: float):
    linear, x = nn.Linear(5, 3).double(), randn(2, 4, 5)
    layer = BcosTransform(_copy(linear), exponent, bias=False)
    norms = (x.square().sum(2, keepdim=True) + 1e-6).sqrt() * linear.weight.norm(dim=1)
    assert_same(layer(x), _raised(x @ linear.weight.T, norms, exponent))


def _copy(layer: nn.Module) -> nn.Module:
    other = type(layer).__new__(type(layer))
    other.__dict__ = {**layer.__dict__, "_parameters": dict(layer._parameters)}
    return other.double()


def _raised(along: Tensor, norms: Tensor, exponent: float) -> Tensor:
    added = COSINE_EPSILON if exponent not in (1, 2) else 0
    return along * (along.abs() / norms + added) ** (exponent - 1)


@pytest.mark.parametrize(
    "activation",
    [
        nn.GELU(),
        nn.GELU("tanh"),
        nn.Hardswish(),
        nn.Mish(),
        nn.ReLU6(),
        nn.SiLU(),
        nn.Sigmoid(),
        nn.Hardsigmoid(),
    ],
)
def test_activations_are_factors(activation: nn.Module):
    x = torch.linspace(-9, 9, 98, dtype=torch.float64).requires_grad_()
    layer = gated(activation)
    expected = activation(x)
    assert_same(layer(x), expected, 1e-12)
    assert torch.autograd.gradcheck(layer, x)
    with constant_factors(layer):
        slope = torch.autograd.grad(layer(x).sum(), x)[0]
    assert_same(slope * x, 0 * x if type(activation).__name__ in HELD else expected, 1e-12)


def test_every_gate_is_of_an_activation():
    known = {name for name in (*GATES, *HELD) if hasattr(nn, name)}
    assert {"GELU", "Hardswish", "ReLU6", "SiLU", "Sigmoid", "Hardsigmoid"} <= known


@pytest.mark.parametrize("exponent", [1, 1.5, 2])
@pytest.mark.parametrize(
    "name", ["small", "resnet18", "timm/test_efficientnet", "timm/test_resnet", "mobile"]
)
def test_the_map_sums_to_the_logit(name: str, exponent: float):
    """In training: running averages are those of another network until it is fine-tuned."""
    model = mobile(exponent) if name == "mobile" else bcosify(trained(name), exponent)
    logits = model.train()(images()).detach()
    assert logits.abs().max() > 0
    for layer in ("input", "final"):
        shown = capture(model, images(), layer=layer)
        assert shown.captured.by_adjoints
        pairs = as_pairs([[0, 2], [1]], images(), logits.shape[1])
        maps = shown.method(model, shown.captured, pairs, False)
        assert_same(maps.sum((1, 2)), logits[[0, 0, 1], [0, 2, 1]], 1e-9)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("exponent", "method"), [(2.0, "bcos"), (1.5, "bcos"), (2.0, "ixg")])
def test_the_gradient_that_reaches_every_weight(exponent: float, method: str, training: bool):
    def random_unit(size: int) -> list[Tensor]:
        direction = torch.randn(size, generator=torch.Generator().manual_seed(size), dtype=torch.float64)
        return [direction / direction.norm()]

    check(mobile(exponent, training), method, "input", random_unit)


@pytest.mark.parametrize("bias", [False, True])
def test_what_is_frozen_stays_frozen(bias: bool):
    model = Mobile()
    model.stem.requires_grad_(False)
    model.depthwise[1] = nn.BatchNorm2d(4, affine=False)
    found = bcosify(model, bias=bias, mean=(0.5,) * 3, std=(0.2,) * 3)
    trained = {name for name, each in found.network.named_parameters() if each.requires_grad}
    assert {name for name in trained if name.startswith(("stem", "depthwise.1"))} == set()
    assert {name.partition(".")[0] for name in trained} == {"depthwise", "gate", "fc"}
    assert all(each.requires_grad for each in mobile().parameters())


def test_it_is_fine_tuned_with_guidance():
    """What the biases did is learned again, and the maps are trained on the way."""
    model, x = bcosify(trained("timm/test_resnet")).float().train(), images().float()
    guidance = mg.Guidance(model, layer="input")
    regions = mg.from_boxes([[(0, (4, 4, 20, 20))], [(1, (8, 8, 30, 30))]], size=(32, 32))
    optimizer = torch.optim.Adam(guidance.parameters(), lr=1e-2)
    history = []
    for _ in range(12):
        logits, localization = guidance(x, torch.eye(2, 4), regions)
        loss = F.binary_cross_entropy_with_logits(logits, torch.eye(2, 4))
        optimizer.zero_grad()
        (loss + localization).backward()
        optimizer.step()
        history.append((loss.item(), localization.item()))
    assert history[-1][0] < 0.8 * history[0][0]
    assert history[-1][1] < history[0][1]


@pytest.mark.parametrize("kept", ["before", "after"])
def test_weights_are_those_of_before_or_after(tmp_path: Path, kept: str):
    before = trained("small").float()
    after = bcosify(before)
    path = tmp_path / "w.safetensors"
    save_file((before if kept == "before" else after).network.state_dict(), path)
    found = build("bcosified/small", 4, path)
    assert_names(found.default_method, ["bcos"])
    for name, value in after.state_dict().items():
        assert torch.equal(found.state_dict()[name], value), name
    again = build("bcosified/small", 4)
    save_file(after.network.state_dict(), path)
    checkpoints.load(again, path, new_head=False)
    assert torch.equal(again(images().float()), after(images().float()))


@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        (lambda: build("small", 2), {"exponent": 0.5}, ["exponent", "0.5"]),
        (lambda: build("bcos_small", 2), {}, ["B-cos network already"]),
        (lambda: nn.Conv2d(3, 2, 1), {}, ["mean, std"]),
        (lambda: build("timm/repvgg_a0", 2), {}, ["2 convolutions of three channels"]),
        (lambda: build("timm/test_vit", 2), {}, ["norm1", "LayerNorm"]),
        (lambda: build("timm/test_nfnet", 2), {}, ["ScaledStdConv2d"]),
        (lambda: _with(nn.Tanh()), {}, ["'1'", "Tanh"]),
        (lambda: _with(nn.BatchNorm2d(2, track_running_stats=False)), {}, ["'1'", "running averages"]),
    ],
)
def test_refused(model: Callable[[], nn.Module], settings: dict, words: list[str]):
    with pytest.raises(UserError) as error:
        bcosify(model(), **settings)
    assert_names(error.value, words)


def _with(layer: nn.Module) -> Backbone:
    return Backbone(nn.Sequential(nn.Conv2d(3, 2, 1), layer), Standardize())


def test_pretrained_weights(pretrained: Path):
    """A network of ImageNet's: with its biases the same logits; without, maps that are complete."""
    model = build("timm/tf_efficientnet_lite0", 1000, pretrained).double().eval()
    x = images(64)
    logits = model(x)
    assert_same(bcosify(model, 1, bias=True)(x), logits, 1e-11)
    bcos = bcosify(model)
    assert_same(
        bcos.get_parameter(f"{model.head}.linear.weight"), model.get_parameter(f"{model.head}.weight")
    )
    maps = mg.attribute(bcos.train(), x, [[3], [5]], layer="input")
    assert_same(maps.sum((1, 2)), bcos(x)[[0, 1], [3, 5]].detach(), 1e-9)
