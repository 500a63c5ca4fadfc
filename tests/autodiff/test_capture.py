"""Tapping a layer: the true features, no traces, one update of the batch statistics, clear errors."""

import pytest
import torch
from tests.asserts import assert_names, assert_same, assert_untouched
from tests.attribution import tiny
from tests.capturing import features_at
from torch import Tensor, nn

from model_guidance.attribution import attribute
from model_guidance.errors import UserError
from model_guidance.guidance import Guidance
from model_guidance.types import Pairs, Regions


class Own(nn.Module):
    """A user's network: nothing of ours in it, and a member that happens to be called `layers`."""

    def __init__(self, *, twice: bool = False, broken: bool = False):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)])
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(4, 3)
        self.unused = nn.Conv2d(3, 4, 3)
        self.twice, self.broken = twice, broken
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.layers[0](x))
        for _ in range(1 + self.twice):
            x = self.layers[1](x)
        if self.broken:
            raise ZeroDivisionError
        return self.fc(self.relu(x).mean((2, 3)))


@pytest.mark.parametrize("attached", [True, False])
def test_features_are_the_layers_output_also_before_an_inplace_relu(attached: bool):
    model, images = Own(), tiny.images()
    forward = features_at(model, images, "layers.0", attached=attached)
    assert_same(forward.features, model.layers[0](images))
    assert forward.features.min() < 0, "no ReLU reached them"
    assert_same(forward.logits, model(images))
    assert (forward.features.grad_fn is not None) == attached


def test_gradient_at_an_inner_layer():
    model, images = Own(), tiny.images()
    features = model.layers[0](images).detach().requires_grad_()
    logits = model.fc(model.layers[1](features.relu()).relu().mean((2, 3)))
    (gradient,) = torch.autograd.grad(logits[:, 1].sum(), features)
    found = attribute(model, images, [1, 1], "ixg", "layers.0")
    assert_same(found, (features * gradient).sum(1).detach())


@pytest.mark.parametrize("layer", ["input", "layers.0", "layers.1"])
def test_resume_runs_the_rest_of_the_network(layer: str):
    model, images = Own(), tiny.images()
    forward = features_at(model, images, layer, attached=False)
    assert_same(forward.resume(forward.features).logits, forward.logits)
    other = features_at(model, images.flip(0), layer, attached=False)
    assert_same(forward.resume(other.features).logits, other.logits)


@pytest.mark.parametrize("layer", ["input", "layers.0"])
def test_nothing_is_left_behind(layer: str):
    model, broken, images = Own(), Own(broken=True), tiny.images()
    with assert_untouched(model):
        forward = features_at(model, images, layer, attached=True)
        forward.resume(forward.features)
    with assert_untouched(broken), pytest.raises(ZeroDivisionError):
        features_at(broken, images, layer, attached=True)
    assert not images.requires_grad


class Several(nn.Module):
    """Puts out a list."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [x]


@pytest.mark.parametrize(
    ("model", "layer", "words"),
    [
        (Own(), "nonsense", ["input", "layers.0", "layers.1", "fc"]),
        (Own(), "", ["input"]),
        (Own(), "final", ["input"]),
        (tiny.build("plain"), "nonsense", ["input", "mid1", "mid2", "mid3", "final", "network.layer4"]),
        (Own(), "fc", ["fc", "[2, 3]", "convolutional"]),
        (Own(), "unused", ["unused", "not used"]),
        (Own(twice=True), "layers.1", ["layers.1", "more than once"]),
        (nn.Sequential(nn.MaxPool2d(2, return_indices=True)), "0", ["[2, 3, 4, 4]", "logits"]),
        (nn.Sequential(Several()), "0", ["'0'", "list", "convolutional"]),
    ],
)
def test_impossible_layers(model: nn.Module, layer: str, words: list[str]):
    with assert_untouched(model), pytest.raises(UserError) as error:
        features_at(model, tiny.images(), layer, attached=True)
    assert_names(error.value, words)


@pytest.mark.parametrize("kind", ["plain-training", "bcos-training"])
@pytest.mark.parametrize("method", ["ixg", "intgrad"])
@pytest.mark.parametrize("layer", ["input", "mid2"])
def test_one_step_updates_the_batch_statistics_once(kind: str, method: str, layer: str):
    images, guided, plain = tiny.images(), tiny.build(kind), tiny.build(kind)
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    regions = Regions(Pairs(torch.tensor([0]), torch.tensor([1])), mask)
    logits, _ = Guidance(guided, method, layer)(images, torch.ones(2, tiny.CLASSES), regions)
    assert_same(logits, plain(images))
    statistics = dict(plain.named_buffers())
    assert any(value == 1 for name, value in statistics.items() if "tracked" in name)
    for name, value in guided.named_buffers():
        assert torch.equal(value, statistics[name]), name
