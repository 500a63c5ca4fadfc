"""Guidance of a part of each batch."""

from dataclasses import replace

import pytest
import torch
from tests.asserts import assert_same
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


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_part_is_unbiased_where_classes_are_absent(reduction: str):
    """By all draws of two of three: one of the images does not have the class that was annotated."""
    model, images, labels = tiny.build("xdnn"), tiny.images(3), torch.ones(3, tiny.CLASSES)
    labels[1, 1] = 0
    annotated = regions((0, 0), (1, 1), (2, 2))
    annotated = replace(annotated, pairs=replace(annotated.pairs, distinct=True))
    whole = Guidance(model, "ixg", "mid2", reduction=reduction)(images, labels, annotated)[1]
    guidance, found = Guidance(model, "ixg", "mid2", reduction=reduction, part=2 / 3), {}
    for seed in range(40):
        torch.manual_seed(seed)
        drawn = tuple(torch.randperm(3)[:2].sort().values.tolist())
        torch.manual_seed(seed)
        found[drawn] = guidance(images, labels, annotated)[1]
    assert len(found) == 3
    assert_same(torch.stack([*found.values()]).mean(), whole, 1e-6)  # counts are float32


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
