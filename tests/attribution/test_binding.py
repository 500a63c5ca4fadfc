"""A forward pass and its maps are of one method: by name, by dotted name, or a function."""

from functools import partial

import pytest
import torch
from tests.asserts import assert_names, assert_same
from tests.attribution import tiny
from tests.guidance.annotated import regions
from torch import Tensor, nn

import model_guidance as mg
from model_guidance.attribution import METHODS, attribute, capture
from model_guidance.attribution.gradients import class_gradients
from model_guidance.attribution.integrated_gradients import integrated_gradients
from model_guidance.errors import UserError
from model_guidance.guidance import Guidance
from model_guidance.losses import l1
from model_guidance.models import BACKBONES, build
from model_guidance.training.config import Config
from model_guidance.types import Pairs

PAIRS = Pairs(torch.tensor([0, 1]), torch.tensor([1, 2]))


def positive_gradient(model: nn.Module, captured: object, pairs: Pairs, create_graph: bool) -> Tensor:
    """An attribution of one's own."""
    return class_gradients(captured, pairs, create_graph).relu().sum(1)


def squared_outside(maps: Tensor, masks: Tensor) -> Tensor:
    """A loss of one's own."""
    return (maps.square() * ~masks).sum((1, 2))


def test_maps_are_of_the_method_that_was_asked_for():
    model, images = tiny.build("bcos"), tiny.images()
    maps = {method: capture(model, images, method, "mid1").maps(PAIRS) for method in ("ixg", "bcos")}
    for method, found in maps.items():
        assert_same(found, attribute(model, images, [1, 2], method, "mid1"))
    assert not torch.allclose(maps["ixg"], maps["bcos"])


@pytest.mark.parametrize("name", [name for name in BACKBONES if not name.endswith(("50", "101"))])
def test_each_network_says_by_what_it_is_explained(name: str):
    model = build(name, 2)
    assert Guidance(model).method == model.default_method == Config(backbone=name).own_method
    usual = {"bcos": "bcos", "xdnn": "intgrad"}
    assert model.default_method == usual.get(name.partition("_")[0], "ixg")


def test_a_method_of_ones_own():
    model, images = tiny.build("plain"), tiny.images()
    ours = attribute(model, images, [1, 2], positive_gradient, "input")
    named = attribute(model, images, [1, 2], f"{__name__}.positive_gradient", "input")
    assert ours.any()
    assert torch.equal(ours, named)
    with pytest.raises(UserError, match=r"method: it returned \[2\]"):
        attribute(model, images, [1, 2], lambda *_: torch.zeros(2), "input")


def test_the_number_of_steps_can_be_set():
    model, images = tiny.build("plain"), tiny.images()
    four = attribute(model, images, [1, 2], partial(integrated_gradients, steps=4), "input")
    assert not torch.allclose(four, attribute(model, images, [1, 2], "intgrad", "input"))
    sixteen = partial(mg.attribution.integrated_gradients, steps=16)
    assert torch.equal(
        attribute(model, images, [1, 2], sixteen, "input"),
        attribute(model, images, [1, 2], "intgrad", "input"),
    )


def test_a_loss_of_ones_own():
    model, images, labels = tiny.build("plain"), tiny.images(), torch.ones(2, 3)
    annotated = regions((0, 1), (1, 2))
    maps = attribute(model, images, [1, 2], "gradcam", "mid1")
    for loss in (squared_outside, f"{__name__}.squared_outside"):
        _, value = Guidance(model, METHODS["gradcam"], "mid1", loss)(images, labels, annotated)
        assert_same(value.detach(), squared_outside(maps, annotated.masks).mean())
    named = [Guidance(model, None, "mid1", loss)(images, labels, annotated)[1] for loss in (l1, "l1")]
    assert torch.equal(*named)
    with pytest.raises(UserError, match="loss: .*one value for each of 2 pairs"):
        Guidance(model, None, "mid1", lambda maps, masks: maps.sum())(images, labels, annotated)


@pytest.mark.parametrize(
    ("name", "words"),
    [("nonsense", ["ixg", "package.module.function"]), ("no.such", ["ModuleNotFoundError"]),
     ("math.none", ["AttributeError"]), ("math.pi", ["float"])],
)  # fmt: skip
def test_names_of_nothing(name: str, words: list[str]):
    for make in (
        lambda: Guidance(tiny.build("plain"), name),
        lambda: Guidance(tiny.build("plain"), loss=name),
    ):
        with pytest.raises(UserError) as error:
            make()
        assert_names(error.value, [name, *(words if words[0] != "ixg" else words[1:])])


def test_pairs_in_any_order():
    """Also where one pass serves only one class of each image."""
    model, images = tiny.build("plain-training"), tiny.images()
    captured = capture(model, images, "ixg", "mid1")
    mixed = captured.maps(Pairs(torch.tensor([1, 0, 1, 0]), torch.tensor([0, 1, 2, 2])))
    ordered = captured.maps(Pairs(torch.tensor([0, 0, 1, 1]), torch.tensor([1, 2, 0, 2])))
    assert_same(mixed, ordered[[2, 0, 3, 1]])


@pytest.mark.parametrize("kind", ["plain", "bcos"])
def test_inference_mode_changes_nothing(kind: str):
    model = build("torchvision/mobilenet_v2", 3).eval() if kind == "plain" else tiny.build(kind).float()
    images, labels = torch.rand(2, 3, 32, 32), torch.eye(3)[:2]
    annotated = regions((0, 0), (1, 1))
    annotated = type(annotated)(annotated.pairs, annotated.masks.repeat(1, 4, 4))
    guidance = Guidance(model, layer="input")
    right = attribute(model, images, [1, 2], layer="input"), guidance(images, labels, annotated)[1]
    with torch.inference_mode():
        inside = annotated.map(torch.clone)
        found = (
            attribute(model, images * 1, [1, 2], layer="input"),
            guidance(images * 1, labels * 1, inside)[1],
        )
    for mine, theirs in zip(found, right, strict=True):
        assert_same(mine.detach(), theirs.detach(), 1e-5)
