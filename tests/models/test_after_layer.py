"""A network after one of its layers computes, and learns, what the whole one does with the rest frozen."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

import model_guidance as mg
from model_guidance.models import AfterLayer
from model_guidance.models.layers import find_layer

NETWORKS = [
    ("small", "mid2", 64),
    ("resnet18", "mid3", 64),
    ("bcos_resnet18", "mid3", 64),
    ("xdnn_resnet18", "final", 64),
    ("torchvision/densenet121", "mid2", 64),
    ("torchvision/googlenet", "mid2", 64),
    ("torchvision/vit_b_16", "mid2", 224),
    ("timm/tf_efficientnet_lite0", "mid3", 64),
    ("timm/vit_tiny_patch16_224", "final", 224),
    ("timm/convnext_atto", "mid3", 64),
    ("timm/swin_tiny_patch4_window7_224", "mid2", 224),
    ("timm/eva02_tiny_patch14_224", "mid2", 224),
]


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    return mg.models.build(name, 3)


@pytest.mark.parametrize(("name", "depth", "size"), NETWORKS)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_logits_are_those_of_the_whole_network(name: str, depth: str, size: int):
    model, images = network(name).eval(), torch.rand(3, 3, size, size)
    after = AfterLayer(model, find_layer(model, depth, images[:1]), images[:1])
    with torch.no_grad():
        assert torch.allclose(after(after.features(images)), model(images), atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("name", "frozen", "layer", "method"),
    [
        ("small", "mid2", "mid3", "ixg"),
        ("small", "mid2", "mid2", "gradcam"),
        ("xdnn_small", "mid1", "mid2", "intgrad"),
        ("bcos_small", "mid1", "final", "bcos"),
        ("timm/test_vit", "mid2", "final", "ixg"),
    ],
)
def test_it_learns_what_the_whole_network_learns_with_the_rest_frozen(name, frozen, layer, method, training):
    size = 160 if "vit" in name else 48
    whole = network(name).double()
    nn.init.normal_(next(whole.get_submodule(whole.head).parameters()))  # timm's begin with zeros
    part, images = copy.deepcopy(whole), torch.rand(4, 3, size, size, dtype=torch.float64)
    labels = torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0]]
    regions = mg.from_boxes([[(0, (8, 8, 40, 40))], [], [(2, (20, 4, 40, 30))], []], (size, size))
    before = copy.deepcopy(whole.state_dict())

    freezing, after = (
        AfterLayer(model, find_layer(model, frozen, images[:1]), images[:1]) for model in (whole, part)
    )
    for guidance, mode, given in (
        (mg.Guidance(whole, method, layer), freezing, images),
        (mg.Guidance(after, method, layer), after, after.features(images)),
    ):
        guidance.train(training)
        mode.train(training)
        optimizer = torch.optim.SGD((each for each in guidance.parameters() if each.requires_grad), 0.1)
        for step in range(3):
            torch.manual_seed(step)
            logits, localization = guidance(given, labels, regions)
            optimizer.zero_grad()
            (binary_cross_entropy_with_logits(logits, labels) + localization).backward()
            optimizer.step()
    for key, value in whole.state_dict().items():
        assert torch.allclose(value, part.state_dict()[key], rtol=1e-9, atol=1e-9), key
    changed = {key for key, value in part.state_dict().items() if not torch.equal(value, before[key])}
    assert changed
    assert not any(key.startswith(f"{name}.") for key in changed for name in after.frozen)


def test_the_rest_of_the_network_is_not_run():
    model, images = network("small").eval(), torch.rand(2, 3, 32, 32)
    after = AfterLayer(model, "network.layer2", images[:1])
    features, ran = after.features(images), []
    model.network.layer1.register_forward_pre_hook(lambda *_: ran.append("layer1"))
    for name in ("0", "1"):
        model.network.layer1.get_submodule(name).register_forward_hook(lambda *_: ran.append("its part"))
    after(features)
    assert ran == ["layer1"]
    model(images)
    assert ran[2:] != []
    assert "forward" not in vars(model.network.layer1)


class Bypassed(nn.Module):
    """Its last layer sees the images as well."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(7, 2)

    def forward(self, images):
        features = self.second(self.first(images)).mean(dim=(2, 3))
        return self.head(torch.cat([features, images.mean(dim=(2, 3))], dim=1))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.head = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, images):
        return self.head(self.first(images.flatten(2).transpose(1, 2))[0].mean(dim=1))


@pytest.mark.parametrize(
    ("model", "layer", "words"),
    [
        (Bypassed(), "second", "part of the evidence passes it by"),
        (Pair(), "first", "one tensor with a row for each image is needed"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 2), nn.Identity()), "2", "is not used"),
    ],
)
def test_what_cannot_be_frozen_is_said(model: nn.Module, layer: str, words: str):
    if layer == "2":
        model.forward = lambda images: model[1](model[0](images))
    with pytest.raises(mg.UserError, match=words):
        AfterLayer(model, layer, torch.rand(1, 3, 8, 8))


@pytest.mark.parametrize("layer", ["input", "mid1", "network.layer1.0"])
def test_a_guided_layer_before_the_frozen_one_is_refused(layer: str):
    images = torch.rand(2, 3, 32, 32)
    after = AfterLayer(network("small"), "network.layer2", images[:1])
    with pytest.raises(mg.UserError, match="comes before the frozen layer 'network.layer2'"):
        mg.Guidance(after, "ixg", layer)(after.features(images), [0, 1], None)
