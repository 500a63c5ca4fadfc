"""Networks that cannot be explained, or not at that layer, or not of that size: one sentence each."""

from collections.abc import Callable
from functools import partial

import pytest
import timm
import torch
from tests.asserts import assert_names, assert_untouched
from torch import Tensor, nn

from model_guidance.attribution import attribute, default_method
from model_guidance.errors import UserError
from model_guidance.guidance import Guidance
from model_guidance.models.layers import find_layer, layers
from model_guidance.types import Pairs, Regions


class Plain(nn.Module):
    """A convolution that is used `times`, its pooled features and a head."""

    def __init__(self, times: int = 1, channels: int = 3):
        super().__init__()
        self.stem, self.block = nn.Conv2d(channels, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.fc, self.times = nn.Linear(4, 2), times

    def forward(self, images: Tensor) -> Tensor:
        features = self.stem(images)
        for _ in range(self.times):
            features = self.block(features).relu()
        return self.fc(features.mean(dim=(2, 3)))


class Cut(Plain):
    """The same with the features cut off from the images."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.detach())


tiny_vit = partial(timm.create_model, "vit_tiny_patch16_224", embed_dim=24, depth=1, num_heads=2)
flat = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))


@pytest.mark.parametrize(
    ("build", "layer", "words"),
    [
        (Cut, "final", ["the model", "no gradient"]),
        (lambda: flat, "final", ["layer 'final'", "rows and columns"]),
        (lambda: Plain(times=2), "block", ["layer 'block'", "more than once"]),
        (tiny_vit, "final", ["images", "[1, 3, 8, 8]", "224"]),
        (tiny_vit, "input", ["images", "[2, 3, 8, 8]", "224"]),
        (partial(Plain, channels=1), "final", ["images", "[1, 3, 8, 8]", "1 channels"]),
    ],
)
def test_one_sentence(build: Callable[[], nn.Module], layer: str, words: list[str]):
    model, images = build(), torch.rand(2, 3, 8, 8)
    with pytest.raises(UserError) as error:
        attribute(model, images, [0, 1], layer=layer)
    assert_names(error.value, words)
    with pytest.raises(UserError) as guided:
        Guidance(model, layer=layer)(images, torch.tensor([0, 1]), regions())
    assert_names(guided.value, words)


def regions() -> Regions:
    """Return one region for each of two images."""
    return Regions(Pairs(torch.tensor([0, 1]), torch.tensor([0, 1])), torch.ones(2, 8, 8, dtype=torch.bool))


def test_a_layer_that_is_used_twice_is_not_listed():
    model, images = Plain(times=2), torch.rand(1, 3, 8, 8)
    with assert_untouched(model):
        assert [each.name for each in layers(model, images)] == ["input", "stem"]


@pytest.mark.parametrize(
    "wrap", [torch.compile, nn.DataParallel, lambda model: torch.compile(nn.DataParallel(model))]
)
def test_what_is_wrapped_has_the_layers_of_what_it_wraps(wrap: Callable[[nn.Module], nn.Module]):
    model, images = Plain(), torch.rand(1, 3, 8, 8)
    wrapped = wrap(model)
    modules = dict(wrapped.named_modules())
    model.default_method = "gradcam"
    assert default_method(wrapped) == "gradcam"
    for layer in ("final", "stem", "mid3"):
        assert modules[find_layer(wrapped, layer, images)] is model.get_submodule(
            find_layer(model, layer, images)
        )
    assert [each[1:] for each in layers(wrapped, images)] == [each[1:] for each in layers(model, images)]
