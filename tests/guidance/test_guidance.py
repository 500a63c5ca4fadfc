"""The guided forward pass: whom it guides, what it returns, what it leaves behind."""

import pickle
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from tests.asserts import assert_names, assert_same, assert_untouched
from tests.attribution import tiny
from tests.guidance.annotated import regions
from torch import Tensor, nn

from model_guidance.attribution import METHODS, attribute
from model_guidance.errors import UserError
from model_guidance.guidance import REDUCTIONS, Guidance
from model_guidance.guided import draw_one_class
from model_guidance.losses import LOSSES
from model_guidance.types import Regions

EVERYWHERE = torch.ones(6, tiny.CLASSES)


def gradients(model: nn.Module, loss: Tensor) -> Tensor:
    found = torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)
    return torch.cat([each.flatten() for each in found])


def test_one_positive_class_of_each_annotated_image_is_drawn():
    torch.manual_seed(0)
    annotated = regions((0, 0), (0, 1), (0, 2), (2, 1), (3, 0), (3, 2))
    labels = torch.tensor([[1, 0, 1], [1, 1, 1], [0, 1, 0], [0, 1, 1], [0, 0, 0]]).float()
    draws, first = 2000, 0
    for _ in range(draws):
        chosen = draw_one_class(annotated, labels)
        assert chosen.pairs.image_index.tolist() == [0, 2, 3]
        a, b, c = chosen.pairs.class_index.tolist()
        assert (a in (0, 2), b, c) == (True, 1, 2)
        for image, label, mask in zip([0, 2, 3], [a, b, c], chosen.masks, strict=True):
            assert torch.equal(mask, regions((image, label)).masks[0])
        first += a == 0
    assert abs(first / draws - 0.5) < 5 * 0.5 / draws**0.5


@pytest.mark.parametrize("none", [regions(), regions((1, 2))])
def test_without_anything_to_guide(none: Regions):
    model, images = tiny.build("plain-training"), tiny.images()
    labels = torch.zeros(2, tiny.CLASSES)
    logits, loss = Guidance(model, layer="final")(images, labels, none)
    assert loss == 0
    assert_same(logits, tiny.build("plain-training")(images))
    assert gradients(model, F.binary_cross_entropy_with_logits(logits, labels.double()) + loss).any()


@pytest.mark.parametrize(("kind", "method"), [("plain", "ixg"), ("plain", "gradcam"), ("bcos", "bcos")])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_that_of_the_loss_of_the_maps(kind: str, method: str, loss: str):
    model, images, annotated = tiny.build(kind), tiny.images(3), regions((0, 1), (2, 0))
    logits, found = Guidance(model, method, "mid2", loss, reduction="sum")(images, EVERYWHERE[:3], annotated)
    maps = attribute(model, images, [[1], [], [0]], method, "mid2", create_graph=True)
    by_hand = LOSSES[loss](maps, annotated.masks).sum()
    assert_same(logits, model(images))
    assert_same(found, by_hand)
    expected = gradients(model, by_hand)
    assert expected.any()
    assert_same(gradients(model, found), expected)


def test_the_mean_does_not_depend_on_the_batch_size():
    model, images, pairs = tiny.build("plain"), tiny.images(3), [(0, 1), (2, 0)]
    again = regions(*pairs, *((image + 3, label) for image, label in pairs))
    twice = Regions(again.pairs, regions(*pairs).masks.repeat(2, 1, 1))
    for reduction, factor in (("mean", 1), ("sum", 2)):
        guidance = Guidance(model, layer="final", reduction=reduction)
        _, once = guidance(images, EVERYWHERE[:3], regions(*pairs))
        _, double = guidance(images.repeat(2, 1, 1, 1), EVERYWHERE, twice)
        assert_same(double, factor * once)
    assert_same(once / 2, Guidance(model, layer="final")(images, EVERYWHERE[:3], regions(*pairs))[1])


@pytest.mark.parametrize(("kind", "method"), [("plain", "intgrad"), ("bcos", "bcos")])
def test_nothing_is_left_behind(kind: str, method: str):
    model, images = tiny.build(kind), tiny.images()
    with assert_untouched(model):
        Guidance(model, method, "input")(images, EVERYWHERE[:2], regions((0, 1)))
    assert not images.requires_grad


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"method": "nonsense"}, [*METHODS]),
        ({"loss": "nonsense"}, [*LOSSES]),
        ({"reduction": "nonsense"}, [*REDUCTIONS]),
        ({"layer": "nonsense"}, ["input", "mid1", "final"]),
    ],
)
def test_unknown_names(wrong: dict[str, str], words: list[str]):
    with pytest.raises(UserError) as error:
        Guidance(tiny.build("plain"), **{"layer": "final", **wrong})
    assert_names(error.value, ["nonsense", *words])


class Counting(nn.Module):
    """Counts the images whose way back to the input is asked for."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self.explained: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        if images.requires_grad:
            images.register_hook(lambda gradient: self.explained.append(len(gradient)))
        return self.model(images)


@pytest.mark.parametrize(("kind", "explained"), [("xdnn", 2), ("plain", 2), ("plain-training", 5)])
def test_only_annotated_images_are_explained_unless_the_batch_is_normalised(kind: str, explained: int):
    model = Counting(tiny.build(kind))
    images, labels = tiny.images(5), torch.ones(5, tiny.CLASSES)
    annotated = regions((1, 2), (4, 0))
    logits, found = Guidance(model, layer="input")(images, labels, annotated)
    assert model.explained[-1] == explained
    assert_same(logits, tiny.build(kind)(images))
    classes: list[list[int]] = [[], [2], [], [], [0]]
    maps = attribute(model, images, classes, layer="input")
    if kind != "plain-training":
        assert_same(found.detach(), LOSSES["energy"](maps, annotated.masks).mean())


class OwnNormalisation(nn.Module):
    """Batch normalisation that nobody can know by its class."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        self.steps += 1
        return x - x.mean((0, 2, 3), keepdim=True)


def test_images_that_influence_each_other_stay_together():
    torch.manual_seed(0)
    rest = [nn.Dropout(0.5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, tiny.CLASSES)]
    model = nn.Sequential(nn.Conv2d(3, 4, 3), OwnNormalisation(), *rest).double()
    images, labels = tiny.images(5), torch.ones(5, tiny.CLASSES)
    torch.manual_seed(1)
    expected = model(images)
    torch.manual_seed(1)
    annotated = regions((1, 2), (4, 0))
    annotated = replace(annotated, pairs=replace(annotated.pairs, distinct=True))  # nothing to draw
    logits, _ = Guidance(model, layer="2")(images, labels, annotated)
    assert_same(logits.detach(), expected.detach())
    assert model[1].steps == 2


def test_a_copy_of_compiled_guidance_is_of_its_own_weights(monkeypatch: pytest.MonkeyPatch):
    original = torch.compile
    monkeypatch.setattr(torch, "compile", lambda step: original(step, backend="eager"))
    guidance, given = (
        Guidance(tiny.build("xdnn"), layer="mid2", compile=True),
        (tiny.images(1), EVERYWHERE[:1]),
    )
    for _ in range(2):
        before = guidance(*given, regions((0, 0)))
    for copy in (deepcopy(guidance), pickle.loads(pickle.dumps(guidance))):
        with torch.no_grad():
            for weight in copy.parameters():
                weight.mul_(-1)
        for _ in range(2):
            logits = copy(*given, regions((0, 0)))[0]
            assert_same(logits.detach(), copy.model(given[0]).detach())
    assert_same(guidance(*given, regions((0, 0)))[0], before[0])


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_what_needs_no_gradients_keeps_none(mode: type):
    guidance, images = Guidance(tiny.build("xdnn"), layer="mid2"), tiny.images(1)
    with mode():
        found = guidance(images, EVERYWHERE[:1], regions((0, 0)))
    assert not any(each.requires_grad for each in found)
    assert found[1] > 0
