"""What all maps have in common: pairs in order, no traces, full precision, clear errors."""

from functools import partial

import pytest
import torch
from tests.asserts import assert_names, assert_same, assert_untouched
from tests.attribution import tiny
from torch import nn

from model_guidance.attribution import METHODS, attribute
from model_guidance.errors import UserError
from model_guidance.models.backbone import Backbone

CLASSES = [1, 2]
KINDS_METHODS = [
    ("plain", "ixg"),
    ("plain", "intgrad"),
    ("plain", "gradcam"),
    ("xdnn", "intgrad"),
    ("bcos", "bcos"),
]


@pytest.mark.parametrize(("kind", "method"), KINDS_METHODS)
@pytest.mark.parametrize("layer", ["input", "mid3"])
def test_many_pairs_equal_one_at_a_time(kind: str, method: str, layer: str):
    model, images = tiny.build(kind), tiny.images(4)
    found = attribute(model, images, [[2, 0], [], [1], [0, 1, 2]], method, layer)
    single = partial(attribute, model, method=method, layer=layer)
    pairs = [(0, 2), (0, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    assert_same(found, torch.cat([single(images[i : i + 1], [c]) for i, c in pairs]))
    assert single(images, [[], [], [], []]).shape == (0, 8, 8)
    assert_same(single(images, torch.tensor([2, 0, 1, 0])), single(images, [[2], [0], [1], [0]]))


@pytest.mark.parametrize(("kind", "method"), [*KINDS_METHODS, ("plain-training", "intgrad")])
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_wrapper_for_data_parallel_training_changes_nothing(kind: str, method: str, create_graph: bool):
    (model, other), images = (tiny.build(kind) for _ in range(2)), tiny.images()
    found = attribute(nn.DataParallel(model), images, CLASSES, method, "mid2", create_graph)
    wanted = attribute(other, images, CLASSES, method, "mid2", create_graph)
    assert_same(found.detach(), wanted.detach())
    for buffer, same in zip(model.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(buffer, same, rtol=0, atol=0)
    if create_graph:
        gradients = (
            torch.autograd.grad(maps.square().sum(), [*own.parameters()], allow_unused=True)
            for maps, own in ((found, model), (wanted, other))
        )
        for ours, plain in zip(*gradients, strict=True):
            torch.testing.assert_close(ours, plain)


@pytest.mark.parametrize(("kind", "method"), KINDS_METHODS)
def test_maps_for_evaluation_carry_no_graph(kind: str, method: str):
    model, images = tiny.build(kind), tiny.images()
    with assert_untouched(model), torch.no_grad():
        maps = attribute(model, images, CLASSES, method, "mid1")
    assert not maps.requires_grad
    with assert_untouched(model):
        maps = attribute(model, images, CLASSES, method, "mid1", create_graph=True)
    assert maps.requires_grad


@pytest.mark.parametrize(("kind", "method"), KINDS_METHODS)
@pytest.mark.parametrize("layer", ["input", "mid2"])
def test_half_precision_networks_give_full_precision_maps(kind: str, method: str, layer: str):
    model: Backbone = tiny.build(kind).float()
    images, classes = tiny.images().float(), [[0, 1], [2]]
    full = attribute(model, images, classes, method, layer)
    with torch.autocast("cpu", torch.bfloat16):
        maps = attribute(model, images, classes, method, layer, create_graph=True)
    maps.square().sum().backward()
    assert maps.dtype == torch.float32
    assert_same(maps.detach(), full, 0.1)
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


@pytest.mark.parametrize(
    ("classes", "method", "words"),
    [
        ([0], "ixg", ["1 entries", "2 images"]),
        ([[0], [1], [2]], "ixg", ["3 entries", "2 images"]),
        ([0, 3], "ixg", ["0 to 2", "3"]),
        ([0, -1], "ixg", ["0 to 2", "-1"]),
        ([0, 1], "nonsense", [*METHODS]),
        ([0, 1], "bcos", ["ixg", "intgrad", "gradcam"]),
    ],
)
def test_mistakes(classes: list, method: str, words: list[str]):
    with pytest.raises(UserError) as error:
        attribute(tiny.build("plain"), tiny.images(), classes, method)
    assert_names(error.value, words)
