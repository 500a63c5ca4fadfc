"""Replacing pixels: which ones, by what, and what a model does that reads only one side."""

from math import exp

import numpy as np
import pytest
import torch
from tests.asserts import assert_same
from torch import Tensor

from model_guidance.metrics.reliance import FILLERS, needed, replaced, sample
from model_guidance.types import Pairs, Regions

SIDE = 8


def images(count: int = 4) -> Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def regions() -> Regions:
    """Images 0 (two classes), 2 and 3 have one, image 1 has none."""
    masks = torch.zeros(4, SIDE, SIDE, dtype=torch.bool)
    masks[0, :3, :3], masks[1, 5:, 4:], masks[2, 2:6, 1:7], masks[3, :, :4] = True, True, True, True
    return Regions(Pairs(torch.tensor([0, 0, 2, 3]), torch.tensor([1, 4, 0, 1])), masks)


def slow_filler(filler: str, image: int) -> Tensor:
    x = images()[image]
    if filler == "mean":
        return torch.stack([channel.sum() / SIDE**2 * torch.ones(SIDE, SIDE) for channel in x])
    if filler == "swap":
        return images()[(image - 1) % 4]
    weights = [exp(-(d**2) / 2) for d in range(-2, 3)]  # deviation SIDE / 8 = 1, reaching SIDE / 4 = 2
    mirrored = [abs(i) if i < SIDE else 2 * (SIDE - 1) - i for i in range(-2, SIDE + 2)]
    blur = torch.zeros(SIDE, SIDE, dtype=torch.float64)
    for i in range(SIDE):
        for d, weight in enumerate(weights):
            blur[i, mirrored[i + d]] += weight / sum(weights)
    return blur @ x @ blur.T


@pytest.mark.parametrize("filler", FILLERS)
@pytest.mark.parametrize("side", ["outside", "inside"])
def test_only_that_side_is_replaced(filler: str, side: str):
    altered, kept = replaced(images(), regions(), filler, side)
    assert kept.tolist() == [True, False, True, True]
    masks = regions().masks
    for found, image, mask in zip(altered, (0, 2, 3), (masks[0] | masks[1], masks[2], masks[3]), strict=True):
        gone = ~mask if side == "outside" else mask
        assert_same(found[:, gone], slow_filler(filler, image)[:, gone], 1e-6)
        assert torch.equal(found[:, ~gone], images()[image][:, ~gone])


@pytest.mark.parametrize("filler", FILLERS)
def test_predictions_follow_the_side_that_is_read(filler: str):
    where = regions()[2:3]
    one_image = Regions(Pairs(torch.tensor([2]), where.pairs.class_index), where.masks)
    reads_inside, reads_outside = where.masks.double(), (~where.masks).double()
    for read, other, own in ((reads_inside, "outside", "inside"), (reads_outside, "inside", "outside")):
        intact = (images()[2] * read).sum()
        assert_same((replaced(images(), one_image, filler, other)[0] * read).sum(), intact)
        assert (replaced(images(), one_image, filler, own)[0] * read).sum() != intact


@pytest.mark.parametrize("filler", FILLERS)
def test_no_region_at_all(filler: str):
    altered, kept = replaced(images(), regions()[:0], filler, "outside")
    assert altered.shape == (0, 3, SIDE, SIDE)
    assert not kept.any()


@pytest.mark.parametrize("filler", FILLERS)
@pytest.mark.parametrize("places", [[3], [0], [0, 2], [2, 3]])
def test_some_of_the_images_are_altered_as_among_all(filler: str, places: list[int]):
    chosen = torch.zeros(4, dtype=torch.bool).index_fill(0, torch.tensor(places), True)
    altered, kept = replaced(images(), regions(), filler, "outside", chosen)
    assert kept.tolist() == chosen.tolist()
    everyone, has_region = replaced(images(), regions(), filler, "outside")
    assert_same(altered, everyone[chosen[has_region]])
    part, left = needed(chosen), regions()
    of_part = torch.isin(left.pairs.image_index, part.nonzero().flatten())
    moved = (part.cumsum(0) - 1)[left.pairs.image_index[of_part]]
    narrowed = Regions(Pairs(moved, left.pairs.class_index[of_part]), left.masks[of_part])
    assert_same(replaced(images()[part], narrowed, filler, "outside", chosen[part])[0], altered)


def test_a_sample_is_of_marked_images_and_grows():
    marked = np.arange(1000) % 3 > 0
    assert sample(marked, 666) is None
    few, more = sample(marked, 100), sample(marked, 200)
    assert few is not None
    assert more is not None
    assert (few.sum(), more.sum()) == (100, 200)
    assert not (few & ~more).any()
    assert not (more & ~torch.from_numpy(marked)).any()
    assert torch.equal(few, sample(marked, 100)), "in every run the same"
    assert few[:500].sum() == pytest.approx(50, abs=20), "from all over the split"
