"""Guidance of a part of each batch, and by maps of smaller images."""

import pytest
import torch
import torch.nn.functional as F
from tests.asserts import assert_same, assert_untouched
from tests.attribution import tiny
from tests.losses.annotated import regions
from torch import Tensor

from model_guidance.attribution import attribute
from model_guidance.errors import UserError
from model_guidance.losses import LOSSES
from model_guidance.losses.guidance import REDUCTIONS, Guidance
from model_guidance.models.batch_statistics import freeze_statistics

ALL = regions((0, 0), (1, 1), (2, 2), (3, 0), (4, 1))
LABELS = torch.ones(5, tiny.CLASSES)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("part", [0.2, 0.5])
def test_a_part_is_unbiased(reduction: str, part: float):
    torch.manual_seed(0)
    model, images = tiny.build("xdnn"), tiny.images(5)
    whole = Guidance(model, "ixg", "mid2", reduction=reduction)(images, LABELS, ALL)[1]
    guidance = Guidance(model, "ixg", "mid2", reduction=reduction, part=part)
    draws = torch.stack([guidance(images, LABELS, ALL)[1].detach() for _ in range(300)])
    assert draws.std() > 0
    assert (draws.mean() - whole).abs() < 4 * draws.std() / len(draws) ** 0.5


def test_a_part_is_rounded_up():
    torch.manual_seed(0)
    model, images = tiny.build("xdnn"), tiny.images(5)
    by_hand = [Guidance(model, "ixg", "mid2")(images, LABELS, regions(each))[1] for each in ((0, 0), (1, 1))]
    found = Guidance(model, "ixg", "mid2", part=0.01)(images, LABELS, regions((0, 0), (1, 1)))[1]
    assert min((found - each).abs().item() for each in by_hand) < 1e-12


@pytest.mark.parametrize("kind", ["plain", "plain-training", "xdnn", "bcos", "bcos-training"])
@pytest.mark.parametrize("layer", ["input", "mid2"])
def test_maps_of_smaller_images(kind: str, layer: str):
    method = "bcos" if kind.startswith("bcos") else "ixg"
    model, images, annotated = tiny.build(kind), tiny.images(5), regions((1, 2), (3, 0))
    logits, loss = Guidance(model, method, layer, map_scale=0.5)(images, LABELS, annotated)

    other = tiny.build(kind)
    assert_same(logits, other(images))
    freeze_statistics(other)
    small = F.interpolate(images[[1, 3]], scale_factor=0.5, mode="bilinear", antialias=True)
    maps = attribute(other, small, [2, 0], method, layer, create_graph=True)
    maps = F.interpolate(maps[:, None], images.shape[-2:], mode="bilinear")[:, 0]
    expected = LOSSES["energy"](maps, annotated.masks).mean()
    assert_same(loss, expected)
    for mine, theirs in zip(_gradients(model, loss), _gradients(other, expected), strict=True):
        assert_same(mine, theirs)
    for name, value in model.state_dict().items():
        assert_same(value, other.state_dict()[name])


def test_training_mode_is_restored():
    model = tiny.build("plain-training")
    modes = [module.training for module in model.modules()]
    Guidance(model, map_scale=0.5, layer="mid2")(tiny.images(5), LABELS, ALL)
    assert modes == [module.training for module in model.modules()]
    with assert_untouched(tiny.build("plain")):
        Guidance(tiny.build("plain"), map_scale=0.5, layer="mid2")(tiny.images(5), LABELS, ALL)


@pytest.mark.parametrize("name", ["part", "map_scale"])
@pytest.mark.parametrize("value", [0.0, -1.0, 1.5, float("nan")])
def test_impossible_fractions(name: str, value: float):
    with pytest.raises(UserError, match=f"{name} {value}: a number above 0, at most 1"):
        Guidance(tiny.build("plain"), layer="mid2", **{name: value})


def _gradients(model: torch.nn.Module, loss: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)
