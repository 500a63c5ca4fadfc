"""The other published B-cos networks, shrunk, against the package `bcos`: keys, logits, maps, derivatives."""

import math
from functools import partial
from typing import Any

import pytest
import torch
from tests.asserts import assert_same
from torch import Tensor, nn

import model_guidance as mg
from model_guidance.models import build
from model_guidance.models.backbone import Backbone, SixChannels
from model_guidance.models.bcos.convnext import NORMS, BcosConvNeXt
from model_guidance.models.bcos.densenet import BcosDenseNet
from model_guidance.models.bcos.layers import BcosConv2d
from model_guidance.models.bcos.vgg import BcosVGG
from model_guidance.models.bcos.vit import BcosViT

CLASSES = 3
BIAS = -math.log(999)
STEP = 1e-6


def densenet() -> tuple[nn.Module, nn.Module]:
    theirs = pytest.importorskip("bcos.models.densenet")
    norms = pytest.importorskip("bcos.modules").norms
    norm = norms.NoBias(norms.BatchNormUncentered2d)
    oracle = theirs.BcosDenseNet(4, (2, 1, 2), 8, num_classes=CLASSES, norm_layer=norm, logit_bias=BIAS)
    return BcosDenseNet(CLASSES, 4, (2, 1, 2), 8), oracle


def vgg() -> tuple[nn.Module, nn.Module]:
    theirs = pytest.importorskip("bcos.models.vgg")
    modules = pytest.importorskip("bcos.modules")
    norm = modules.norms.NoBias(modules.norms.BatchNormUncentered2d)

    def conv(inputs: int, outputs: int, *rest: int, **settings: int) -> nn.Module:
        small = {512: 8, 4096: 6}
        return modules.BcosConv2d(small.get(inputs, inputs), small.get(outputs, outputs), *rest, **settings)

    features = theirs.make_layers([4, "M", 8, 8, "M"], norm, conv)
    oracle = theirs.BcosVGG(features, CLASSES, conv_layer=conv, logit_bias=BIAS)
    return BcosVGG(CLASSES, ((4,), (8, 8)), 6), oracle


def convnext(norm: str) -> tuple[nn.Module, nn.Module]:
    theirs = pytest.importorskip("bcos.models.convnext")
    norms = pytest.importorskip("bcos.modules").norms
    config = theirs.CNBlockConfig
    oracle = theirs.BcosConvNeXt(
        [config(4, 8, 1), config(8, 16, 2), config(16, None, 1)],
        num_classes=CLASSES,
        norm_layer=norms.NoBias(norms.BatchNormUncentered2d) if norm == "bnu" else None,
        logit_bias=BIAS,
    )
    return BcosConvNeXt(CLASSES, 4, (1, 2, 1), NORMS[norm]), oracle


def layers_of_vit(modules: Any) -> dict[str, Any]:
    return {
        "linear_layer": modules.BcosLinear,
        "conv2d_layer": modules.BcosConv2d,
        "norm_layer": modules.norms.NoBias(modules.norms.DetachableLayerNorm),
        "norm2d_layer": modules.norms.NoBias(modules.DetachableGNLayerNorm2d),
        "act_layer": nn.Identity,
    }


def vit() -> tuple[nn.Module, nn.Module]:
    pytest.importorskip("einops")
    theirs = pytest.importorskip("bcos.models.vit")
    modules = pytest.importorskip("bcos.modules")
    body = theirs.SimpleViT(
        image_size=14,
        patch_size=1,
        num_classes=CLASSES,
        dim=8,
        depth=2,
        heads=2,
        mlp_dim=32,
        conv_stem=[8, 8, 12],
        **layers_of_vit(modules),
    )
    oracle = modules.common.BcosSequential(body, modules.LogitLayer(logit_bias=BIAS))
    return BcosViT(CLASSES, 8, 2, 2, (8, 8, 12)), oracle


pytestmark = pytest.mark.filterwarnings("ignore:You are trying to use the entrypoints")
PAIRS = {
    "densenet": densenet,
    "vgg": vgg,
    "convnext-pn": partial(convnext, "pn"),
    "convnext-bnu": partial(convnext, "bnu"),
    "vit": vit,
}


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> tuple[Backbone, nn.Module]:
    """Return our network with the oracle's weights, read by its key names, and the oracle."""
    torch.manual_seed(0)
    ours, oracle = PAIRS[request.param]()
    for name, value in [*oracle.named_parameters(), *oracle.named_buffers()]:
        if name.endswith("layer_scale") or (value.ndim == 1 and "mean" not in name):
            value.data.uniform_(0.5, 1.5)
    ours.load_state_dict({name.removeprefix("0."): value for name, value in oracle.state_dict().items()})
    model = Backbone(ours, SixChannels(), layers={}, default_method="bcos")
    return model.double().eval(), oracle.double().eval()


def images() -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def explained(oracle: nn.Module, classes: list[int]) -> Tensor:
    """Return the contributions that the package's own explanation mode makes."""
    for module in oracle.modules():
        if hasattr(module, "set_explanation_mode") and not isinstance(module, nn.Sequential):
            module.set_explanation_mode(True)
    x = SixChannels()(images()).requires_grad_()
    logits = oracle(x)
    gradient = torch.autograd.grad(logits[range(len(classes)), classes].sum(), x)[0]
    return (gradient * x).sum(dim=1).detach()


def test_logits_and_explanations_are_the_packages(pair: tuple[Backbone, nn.Module]):
    model, oracle = pair
    assert_same(model(images()), oracle(SixChannels()(images())), 1e-12)
    found = mg.attribute(model, images(), [0, 2], layer="input")
    assert mg.attribution.capture(model, images(), layer="input").captured.by_adjoints
    assert_same(found, explained(oracle, [0, 2]), 1e-9)


@pytest.mark.parametrize("training", [False, True])
def test_the_gradient_of_a_loss_of_maps_reaches_the_weights(pair: tuple[Backbone, nn.Module], training: bool):
    """Along a dense direction of all weights at once: an error in any of them would show."""
    model = pair[0].train(training)
    masks = torch.zeros(2, 32, 32, dtype=torch.bool)
    masks[0, 3:20, 5:25], masks[1, 10:, :18] = True, True
    weights = [*model.parameters()]
    generator = torch.Generator().manual_seed(1)
    steps = [torch.randn(each.shape, generator=generator, dtype=torch.float64) for each in weights]
    steps = [step * each.detach().norm() / step.norm() for step, each in zip(steps, weights, strict=True)]

    def loss(create_graph: bool) -> Tensor:
        maps = mg.attribute(model, images(), [0, 2], layer="input", create_graph=create_graph)
        return mg.losses.energy(maps, masks).sum()

    @torch.no_grad()
    def moved(length: float) -> Tensor:
        for each, step in zip(weights, steps, strict=True):
            each.add_(length * step)
        return loss(False)

    gradients = torch.autograd.grad(loss(True), weights)
    assert all(each.any() for each in gradients)
    expected = sum((each * step).sum() for each, step in zip(gradients, steps, strict=True))
    slope = (moved(STEP) - moved(-2 * STEP)) / (2 * STEP)
    assert (slope - expected).abs() < 1e-6 * max(1, abs(expected))


@pytest.mark.parametrize("name", ["densenet121", "convnext_tiny", "convnext_base", "vgg11_bnu"])
def test_published_sizes(name: str):
    modules = pytest.importorskip("bcos.modules")
    norm = modules.norms.NoBias(modules.norms.BatchNormUncentered2d)
    family = name.partition("_")[0].rstrip("0123456789")
    theirs = pytest.importorskip(f"bcos.models.{family}")
    with torch.device("meta"):
        settings = {"norm_layer": norm, "conv_layer": modules.BcosConv2d}
        expected = getattr(theirs, name)(**settings).state_dict()
        found = build(f"bcos_{name}" + "_bnu" * (family == "convnext"), 1000).network.state_dict()
    assert {key: value.shape for key, value in found.items()} == {
        key: value.shape for key, value in expected.items()
    }


@pytest.mark.parametrize("size", ["ti", "s", "b", "l"])
def test_published_sizes_of_transformers(size: str):
    pytest.importorskip("einops")
    theirs = pytest.importorskip("bcos.models.vit")
    modules = pytest.importorskip("bcos.modules")
    with torch.device("meta"):
        expected = getattr(theirs, f"vitc_{size}_patch1_14")(**layers_of_vit(modules)).state_dict()
        found = build(f"bcos_vitc_{size}", 1000).network.state_dict()
    assert {key: value.shape for key, value in found.items()} == {
        key: value.shape for key, value in expected.items()
    }


def test_the_norm_of_grouped_patches():
    torch.manual_seed(0)
    layer, x = BcosConv2d(6, 4, 3, groups=2).double(), torch.randn(2, 6, 5, 5).double()
    halves = [BcosConv2d(3, 2, 3).double() for _ in range(2)]
    for half, weight in zip(halves, layer.linear.weight.chunk(2), strict=True):
        half.linear.weight.data = weight
    expected = torch.cat([half(part) for half, part in zip(halves, x.chunk(2, dim=1), strict=True)], dim=1)
    assert_same(layer(x), expected)
