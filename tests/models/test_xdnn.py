"""X-DNN: homogeneous, Fixup's initial values, and torchvision's convolutions under torchvision's names."""

from math import prod, sqrt

import pytest
import torch
import torchvision
from tests.asserts import assert_same
from torch import nn

from model_guidance.models import xdnn
from model_guidance.models.xdnn import XdnnResNet

DEPTHS = [18, 34, 50, 101]


@pytest.mark.parametrize("bottleneck", [True, False])
@pytest.mark.parametrize("scale", [1e-3, 0.3, 50.0])
def test_homogeneous_but_for_the_classifiers_bias(bottleneck: bool, scale: float):
    torch.manual_seed(0)
    network = XdnnResNet(3, (1, 2, 1, 1), bottleneck, width=4).double()
    for weight in network.parameters():
        nn.init.normal_(weight, std=1 / sqrt(weight[0].numel()))
    x = torch.randn(2, 3, 32, 32).double()
    assert network.fc.bias.abs().min() > 0
    assert_same(network(scale * x) - network.fc.bias, scale * (network(x) - network.fc.bias))


@pytest.mark.parametrize(("depth", "branch"), [(18, 8 ** (-1 / 2)), (50, 16 ** (-1 / 4))])
def test_initial_values(depth: int, branch: float):
    """Fixup: L blocks of m convolutions: He's deviation times L ** (-1 / (2 m - 2)), the last one 0."""
    torch.manual_seed(0)
    network = xdnn.build(7, depth).network
    last = {18: "conv2", 50: "conv3"}[depth]
    for name, module in network.named_modules():
        if not isinstance(module, nn.Conv2d):
            continue
        he = sqrt(2 / (module.out_channels * prod(module.kernel_size)))
        in_branch = name != "conv1" and "downsample" not in name
        expected = 0 if name.endswith(last) else he * branch if in_branch else he
        assert module.weight.std().item() == pytest.approx(expected, rel=0.05), name
    assert not network.fc.weight.any()
    assert not network.fc.bias.any()


def convolutions(network: nn.Module) -> dict[str, tuple[object, ...]]:
    return {
        name.replace("downsample.0", "downsample"): (*conv.weight.shape, conv.stride, conv.padding, conv.bias)
        for name, conv in network.named_modules()
        if isinstance(conv, nn.Conv2d)
    }


@pytest.mark.parametrize("depth", DEPTHS)
def test_convolutions_are_torchvisions(depth: int):
    with torch.device("meta"):
        ours, theirs = xdnn.build(7, depth).network, torchvision.models.get_model(f"resnet{depth}")
    assert convolutions(ours) == convolutions(theirs)
    assert ours.state_dict().keys() - {f"{name}.weight" for name in convolutions(ours)} == {
        "fc.weight",
        "fc.bias",
    }
