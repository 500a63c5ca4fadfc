"""Every network by its name: builds, runs, and can be explained."""

import pytest
import torch
from tests.asserts import assert_names

from model_guidance.attribution import attribute
from model_guidance.errors import UserError
from model_guidance.models import BACKBONES, build

LIGHT = [name for name in BACKBONES if name == "small" or name.endswith("resnet18")]
LARGE = [name for name in BACKBONES if name.endswith(("161", "169", "201", "_bnu", "_s", "_b", "_l"))]
LIBRARY = [
    ("torchvision/resnet18", "final"),
    ("torchvision/mobilenet_v3_small", "network.features.12"),
    ("timm/resnet10t", "final"),
]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in BACKBONES],
)
def test_shapes_and_declared_names(name: str):
    with torch.device("meta"):
        model = build(name, 5)
        assert model(torch.rand(2, 3, 32, 32)).shape == (2, 5)
    modules = dict(model.named_modules())
    assert {"input", "final"} <= model.layers.keys()
    assert not {*model.layers.values(), model.head} - modules.keys()


@pytest.mark.parametrize(("name", "layer"), [*((name, "final") for name in LIGHT), *LIBRARY])
def test_runs_and_is_explained(name: str, layer: str):
    torch.manual_seed(0)
    model = build(name, 5).eval()
    images = torch.rand(2, 3, 32, 32)
    logits = model(images)
    assert logits.shape == (2, 5)
    assert logits.isfinite().all()
    for where in ("input", layer):
        maps = attribute(model, images, [[0, 4], [1]], "bcos" if name.startswith("bcos") else "ixg", where)
        assert maps.shape == (3, 32, 32)
        assert maps.isfinite().all()
        assert maps.any() != name.startswith("xdnn"), "only Fixup's classifier starts at zero"


@pytest.mark.parametrize(
    ("name", "weights", "words"),
    [
        ("resnet49", None, [*BACKBONES, "torchvision/NAME", "timm/NAME"]),
        ("", None, [*BACKBONES]),
        ("torchvision/", None, [*BACKBONES]),
        ("torchvision/no_such", None, ["no_such", "list_models"]),
        ("torchvision/fcn_resnet50", None, ["fcn_resnet50", "list_models"]),  # no classifier
        ("timm/no_such", None, ["no_such", "list_models"]),
        ("xdnn_resnet18", "imagenet", ["xdnn_resnet18", "path"]),
        ("small", "imagenet", ["'small' has no ImageNet weights: leave --weights out", "resnet18"]),
        ("small", "no/such/file.pth", ["no/such/file.pth"]),
    ],
)
def test_unknown(name: str, weights: str | None, words: list[str]):
    with pytest.raises(UserError) as error:
        build(name, 5, weights)
    assert_names(error.value, words)
