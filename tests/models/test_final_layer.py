"""The layer `final` of networks that do not say what theirs is."""

import pytest
import torch
from tests.asserts import assert_same, assert_untouched
from torch import nn

from model_guidance.attribution import attribute
from model_guidance.errors import UserError
from model_guidance.models import build
from model_guidance.models.layers import find_layer, layers, residual_blocks


@pytest.mark.parametrize(
    ("name", "size", "layer"),
    [
        ("torchvision/mobilenet_v2", 64, "network.features"),
        ("torchvision/squeezenet1_1", 64, "network.features"),
        ("torchvision/vgg11", 64, "network.features"),
        ("resnet18", 64, "network.layer4"),
    ],
)
def test_the_last_features_before_they_are_pooled(name: str, size: int, layer: str):
    model, images = build(name, 3).train(), torch.rand(1, 3, size, size)
    with assert_untouched(model):
        assert find_layer(model, "final", images) == layer
    model.eval()
    assert_same(attribute(model, images, [0]), attribute(model, images, [0], layer=layer), 1e-6)


def test_no_final_layer():
    with pytest.raises(UserError, match="no module of this network"):
        attribute(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), torch.rand(1, 3, 2, 2), [0])
    tokens = nn.Sequential(nn.Conv2d(3, 4, 2), nn.Flatten(2), nn.Linear(9, 9), nn.Flatten(), nn.Linear(36, 2))
    with pytest.raises(UserError, match="goes on with tokens"):
        attribute(tokens, torch.rand(1, 3, 4, 4), [0])


@pytest.mark.parametrize("name", ["efficientnet_lite0", "regnety_002", "resnet18"])
def test_a_network_has_the_same_depths_whoever_built_it(name: str):
    model, images = build(f"timm/{name}", 3), torch.rand(1, 3, 64, 64)
    depths = {layer.depth: layer for layer in layers(model, images) if layer.depth}
    assert [*depths] == ["input", "mid1", "mid2", "mid3", "final"]
    for layer in layers(model.network, images):
        if layer.depth not in ("input", ""):
            assert depths[layer.depth] == layer._replace(name=f"network.{layer.name}")
    assert find_layer(model.network, "final", images) == find_layer(model, "final", images).removeprefix(
        "network."
    )


def test_stages_that_a_library_names_have_blocks_to_checkpoint():
    assert {"network.blocks.0.0", "network.blocks.6.0"} <= residual_blocks(
        build("timm/efficientnet_lite0", 3)
    ).keys()
