"""What must not be used: its energy is penalised, elsewhere is free, down to the gradient of every weight."""

import pytest
import torch
from tests.attribution import tiny
from torch import Tensor

import model_guidance as mg
from model_guidance.data.regions import Region, stack, without
from model_guidance.errors import UserError
from model_guidance.metrics.maps import mean_scores, score_maps
from model_guidance.types import Batch, Regions

STEP = 1e-6
SIZE = (8, 8)
LOOK, BANNED = torch.zeros(SIZE, dtype=torch.bool), torch.zeros(SIZE, dtype=torch.bool)
LOOK[1:5, 2:7] = BANNED[:3, :4] = True
LABELS = torch.tensor([[1.0, 0, 0], [0, 0, 1]])


def regions() -> Regions:
    """One image with a region and what must not be used in it, and one with the latter only."""
    both = without([Region(0, LOOK)], [Region(0, BANNED)])
    alone = without([], [Region(2, BANNED)])
    return stack([(0, *both), (1, *alone)], SIZE)


def by_hand(name: str, maps: Tensor) -> Tensor:
    """The mean of both images' losses, as docs/training.md writes them."""
    positive, seen = maps.relu(), (LOOK & ~BANNED).double()
    unit = positive / positive.amax(dim=(1, 2), keepdim=True)
    signed = maps / maps.abs().amax(dim=(1, 2), keepdim=True)
    if name == "energy":
        first = 1 - (positive[0] * seen).sum() / positive[0].sum()
        second = (positive[1] * BANNED).sum() / positive[1].sum()
    elif name == "l1":
        first, second = (seen - unit[0]).abs().mean(), unit[1][BANNED].mean()
    else:
        first, second = ((1 - seen) * signed[0] ** 2).sum(), (BANNED * signed[1] ** 2).sum()
    return (first + second) / 2


@pytest.mark.parametrize("name", ["energy", "l1", "rrr"])
def test_the_gradient_of_every_weight(name: str) -> None:
    model = tiny.build("plain")
    guidance = mg.Guidance(model, "ixg", "input", name)
    _, found = guidance(tiny.images(), LABELS, regions())
    maps = mg.attribute(model, tiny.images(), [0, 2], "ixg", "input")
    assert torch.allclose(found, by_hand(name, maps), rtol=1e-12)
    weights = list(model.parameters())
    gradients = torch.autograd.grad(found, weights, materialize_grads=True)
    largest = max(float(each.abs().max()) for each in gradients)
    assert largest > 1e-3
    for place, (parameter, gradient) in enumerate(zip(weights, gradients, strict=True)):
        torch.manual_seed(place)
        direction, start, ends = torch.randn_like(parameter), parameter.detach().clone(), []
        for step in (STEP, -STEP):
            with torch.no_grad():
                parameter.copy_(start + step * direction)
            ends.append(by_hand(name, mg.attribute(model, tiny.images(), [0, 2], "ixg", "input")).detach())
        with torch.no_grad():
            parameter.copy_(start)
        slope = float(ends[0] - ends[1]) / (2 * STEP)
        assert float((gradient * direction).sum()) == pytest.approx(slope, abs=1e-5 * largest)


def batch() -> Batch:
    images = torch.zeros(2, 3, *SIZE, dtype=torch.uint8)
    nothing = stack([], SIZE)
    return Batch(images, LABELS, regions(), nothing, torch.tensor([-1, -1]), torch.arange(2))


def test_scores_ask_for_nothing_elsewhere() -> None:
    """EPG is what does not lie in it; no IoU is measured where no region is known."""
    maps = torch.ones(2, *SIZE)
    maps[0] = LOOK & ~BANNED
    scores, _ = mean_scores(score_maps(maps, batch()), None)
    assert scores["epg"] == pytest.approx((1 + 1 - 12 / 64) / 2)
    assert scores["iou"] == 1
    only, _ = mean_scores(score_maps(maps[1:], _second()), 0.5)
    assert only["epg"] == pytest.approx(1 - 12 / 64)
    assert "iou" not in only
    assert "iou_threshold" not in only


def _second() -> Batch:
    alone = stack([(0, each) for each in without([], [Region(2, BANNED)])], SIZE)
    images, nothing = torch.zeros(1, 3, *SIZE, dtype=torch.uint8), stack([], SIZE)
    return Batch(images, LABELS[1:], alone, nothing, torch.tensor([-1]), torch.arange(1))


def test_a_loss_that_takes_no_valid_pixels_says_so() -> None:
    def own(maps: Tensor, masks: Tensor) -> Tensor:
        return (maps * masks).sum(dim=(1, 2))

    guidance = mg.Guidance(tiny.build("plain"), "ixg", "input", own)
    with pytest.raises(UserError, match="own: takes maps and masks only, but must take `valid` as well"):
        guidance(tiny.images(), LABELS, regions())
