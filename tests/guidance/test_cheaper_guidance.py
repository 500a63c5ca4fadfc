"""Guidance of a part of each batch."""

import pytest
import torch
from tests.attribution import tiny
from tests.guidance.annotated import regions

from model_guidance.errors import UserError
from model_guidance.guidance import REDUCTIONS, Guidance

ALL = regions((0, 0), (1, 1), (2, 2), (3, 0), (4, 1))
LABELS = torch.ones(5, tiny.CLASSES)


@pytest.mark.slow
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


@pytest.mark.parametrize("part", [0.0, -1.0, 1.5, float("nan")])
def test_impossible_parts(part: float):
    with pytest.raises(UserError, match=f"part {part}: a number above 0, at most 1"):
        Guidance(tiny.build("plain"), layer="mid2", part=part)
