"""What is kept is kept exactly, what is replaced is gone, and between them lies the linear mixture."""

import pytest
import torch
from tests.asserts import assert_same
from torch import Tensor

from model_guidance.data.replacement import (
    continued,
    feathered,
    mean_colour,
    mixed,
    noise,
    without_objects,
)

SIDE = 48


def pictures(count: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(count, 3, SIDE, SIDE, generator=generator, dtype=torch.float64)


def masks() -> Tensor:
    """One square in the middle and, in the second image, a single pixel and the lower right corner."""
    found = torch.zeros(2, SIDE, SIDE, dtype=torch.bool)
    found[0, 16:32, 10:30] = True
    found[1, 5, 7] = True
    found[1, 40:, 36:] = True
    return found


@pytest.mark.parametrize("width", [2, 5, 8])
def test_the_ramp_lies_outside_of_the_mask_and_ends_after_its_width(width: int):
    soft = feathered(masks(), width)
    reach = 2 * (width // 2)
    for image, mask in enumerate(masks()):
        for row, column in torch.cartesian_prod(torch.arange(SIDE), torch.arange(SIDE)).tolist():
            inside = mask.nonzero()
            distance = (inside - torch.tensor([row, column])).abs().amax(dim=1).min()
            value = soft[image, row, column]
            assert value == 1 if distance == 0 else (0 < value < 1 if distance <= reach else value == 0)


def test_a_straight_edge_falls_linearly():
    mask = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    mask[:, :, :20] = True
    expected = [1.0, 0.8, 0.6, 0.4, 0.2, 0.0]  # a window of 5 slides over the edge, which was moved by 2
    assert_same(feathered(mask, 4)[0, :, 19:25], torch.tensor(expected).expand(SIDE, 6), 1e-6)


def test_hard_edges_and_the_width_by_default():
    assert torch.equal(feathered(masks(), 0), masks().float())
    for side, reach in ((32, 2), (224, 4), (448, 8)):
        mask = torch.zeros(1, side, side, dtype=torch.bool)
        mask[:, :, : side // 2] = True
        assert int((feathered(mask)[0, 0] > 0).sum()) == side // 2 + reach


def test_a_mixture_is_exact_at_both_ends_and_linear_between():
    soft = feathered(masks(), 6)
    one, other = pictures(), pictures().flip(0)
    found = mixed(one, other, soft)
    for image in range(2):
        whole, none = soft[image] == 1, soft[image] == 0
        assert torch.equal(found[image][:, whole], one[image][:, whole])
        assert torch.equal(found[image][:, none], other[image][:, none])
        share = soft[image].double()
        assert_same(found[image], share * one[image] + (1 - share) * other[image])
        assert whole.any()
        assert none.any()
        assert (~whole & ~none).any()


def test_colours_are_those_of_the_pixels_that_are_seen():
    colour = mean_colour(pictures(), masks())
    for image, mask in enumerate(masks()):
        assert_same(colour[image, :, 0, 0], pictures()[image][:, mask].mean(dim=1))
    assert_same(mean_colour(pictures(), torch.zeros_like(masks())), torch.zeros(2, 3, SIDE, SIDE))


def test_an_object_leaves_no_trace():
    """Whatever its pixels were, the painted image is the same; everything beyond the edge stays."""
    other = torch.where(masks().unsqueeze(1), 77 * pictures(), pictures())
    found = without_objects(pictures(), masks(), 4)
    assert_same(without_objects(other, masks(), 4), found, 1e-9)
    far = (feathered(masks(), 4) == 0).unsqueeze(1).expand_as(found)
    assert torch.equal(found[far], pictures()[far])
    assert not torch.equal(found, pictures())


def test_what_is_painted_over_continues_its_surroundings():
    ramp = torch.linspace(0, 1, SIDE, dtype=torch.float64).expand(2, 3, SIDE, SIDE)
    found = without_objects(ramp, masks(), 4)
    assert (found - ramp)[0].abs().max() < 0.12  # its mean colour would be wrong by 0.3
    assert_same(without_objects(torch.full_like(ramp, 0.3), masks()), torch.full_like(ramp, 0.3), 1e-6)
    assert continued(ramp, torch.zeros_like(masks())).isfinite().all()


def test_noise_is_drawn_by_its_seed_over_the_whole_range():
    one = noise(pictures(), 255, 1)
    assert torch.equal(one, noise(pictures(), 255, 1))
    assert not torch.equal(one, noise(pictures(), 255, 2))
    assert 0 <= one.min() < 1 < 254 < one.max() <= 255
    assert abs(one.mean() - 127.5) < 3
