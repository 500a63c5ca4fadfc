"""B-cos layers against explicit loops, and what makes them explain: completeness and constant factors."""

from contextlib import suppress

import pytest
import torch
from tests.asserts import assert_same, assert_untouched
from tests.capturing import features_at
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from model_guidance.attribution import METHODS, as_pairs, attribute
from model_guidance.autodiff.dynamic_linear import constant_factors
from model_guidance.models.backbone import Backbone, SixChannels
from model_guidance.models.bcos.layers import LOGIT_BIAS, BcosConv2d, UncenteredBatchNorm2d
from model_guidance.models.bcos.resnet import BcosBlock, BcosResNet

CONVOLUTIONS = [(1, 1), (1, 2), (3, 1), (3, 2), (7, 2)]  # kernel, stride


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def network(bottleneck: bool = True) -> Backbone:
    torch.manual_seed(0)
    model = Backbone(BcosResNet(3, (1, 2, 1, 1), bottleneck, width=2), SixChannels()).double()
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if value.ndim == 1 and "mean" not in name:
            value.data.uniform_(0.5, 1.5)
    return model.eval()


def slow_bcos(x: Tensor, weight: Tensor, kernel: int, stride: int) -> Tensor:
    """`|cos(patch, w)| * (ŵ . patch)`, one number at a time."""
    x = nn.functional.pad(x, [kernel // 2] * 4)
    sides = [(side - kernel) // stride + 1 for side in x.shape[2:]]
    y = x.new_zeros(len(x), len(weight), *sides)
    for image, out, i, j in torch.cartesian_prod(*map(torch.arange, y.shape)).tolist():
        patch = x[image, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        along = (patch * weight[out]).sum() / weight[out].square().sum().sqrt()
        y[image, out, i, j] = along * along.abs() / (patch.square().sum() + 1e-6).sqrt()
    return y


@pytest.mark.parametrize(("kernel", "stride"), CONVOLUTIONS)
@pytest.mark.parametrize("scale", [1.0, 1e-3])  # at 1e-3 the 1e-6 inside the root counts
def test_convolution(kernel: int, stride: int, scale: float):
    layer, x = BcosConv2d(3, 2, kernel, stride).double(), scale * randn(2, 3, 6, 7)
    assert_same(layer(x), slow_bcos(x, layer.linear.weight, kernel, stride))


@pytest.mark.parametrize(("kernel", "stride"), CONVOLUTIONS[:4])
def test_ordinary_derivatives_are_those_of_the_plain_formula(kernel: int, stride: int):
    layer, x = BcosConv2d(2, 2, kernel, stride).double(), randn(1, 2, 4, 3).requires_grad_()
    weight, up = layer.linear.weight, randn(1, 2, 4, 3)[:, :, ::stride, ::stride]
    ours = torch.autograd.grad((layer(x) * up).sum(), [x, weight])
    plain = torch.autograd.grad((slow_bcos(x, weight, kernel, stride) * up).sum(), [x, weight])
    for found, expected in zip(ours, plain, strict=True):
        assert_same(found, expected)
    assert gradcheck(layer, x)
    assert gradgradcheck(layer, x)


def test_normalisation_divides_and_does_not_subtract():
    layer, x = UncenteredBatchNorm2d(3).double(), 2 + randn(4, 3, 5, 5)
    layer.weight.data = torch.tensor([0.5, 1.0, 2.0]).double()
    deviation = torch.stack([x[:, c].std(correction=0) for c in range(3)])
    assert_same(layer(x), x * (layer.weight / deviation).view(1, 3, 1, 1), 1e-4)  # eps is left out here
    variance = torch.stack([x[:, c].var(correction=0) for c in range(3)])
    assert_same(layer(x), x * (layer.weight / (variance + 1e-5).sqrt()).view(1, 3, 1, 1))
    assert gradgradcheck(layer, 2 + randn(2, 3, 2, 2).requires_grad_())


def test_batch_statistics_are_those_of_torch():
    ours, theirs = UncenteredBatchNorm2d(3).double(), nn.BatchNorm2d(3).double()
    for step in range(3):
        x = 1 + step + randn(4, 3, 5, 5)
        ours(x), theirs(x)
    assert ours.num_batches_tracked == theirs.num_batches_tracked == 3
    assert_same(ours.running_mean, theirs.running_mean)
    assert_same(ours.running_var, theirs.running_var)
    found = ours.eval()(x)
    assert_same(found, x / (theirs.running_var + 1e-5).sqrt().view(1, 3, 1, 1))
    assert ours.num_batches_tracked == 3


@pytest.mark.parametrize("bottleneck", [True, False])
@pytest.mark.parametrize("layer", ["input", "network.conv1", "network.pool", "mid1", "mid2", "mid3", "final"])
def test_the_map_sums_to_the_logit(bottleneck: bool, layer: str):
    model, images = network(bottleneck), torch.rand(2, 3, 32, 32).double()
    pairs = as_pairs([[0, 1, 2]] * 2, images, 3)
    maps = METHODS["bcos"](model, features_at(model, images, layer, attached=False), pairs, False)
    assert_same(maps.sum((1, 2)), (model(images) - LOGIT_BIAS).flatten(), 1e-9)


def test_factors_are_restored_and_only_theirs():
    model, other = network(), network()
    images = torch.rand(1, 3, 32, 32).double()
    expected = attribute(other, images, [[1]], "ixg", "input")
    with assert_untouched(model), constant_factors(model):
        with suppress(ZeroDivisionError), constant_factors(model):
            raise ZeroDivisionError
        held = attribute(model, images, [[1]], "ixg", "input")
        assert_same(attribute(other, images, [[1]], "ixg", "input"), expected)
    assert_same(held, attribute(model, images, [[1]], "bcos", "input"))
    assert_same(attribute(model, images, [[1]], "ixg", "input"), expected)
    with assert_untouched(model), suppress(ZeroDivisionError), constant_factors(model):
        raise ZeroDivisionError


def test_an_explanation_does_not_change_the_next_backward():
    model, x = BcosBlock(2, 2, 1, bottleneck=False).double(), randn(1, 2, 4, 4).requires_grad_()
    expected = torch.autograd.grad(model(x).sum(), x)[0]
    y = model(x).sum()
    with constant_factors(model):
        explained = torch.autograd.grad(y, x, retain_graph=True)[0]
    assert_same(torch.autograd.grad(y, x)[0], expected)
    assert_same((explained * x).sum(), y, 1e-9)
