"""Regions go the way of tensors: out of a data set, collated, pinned, moved, indexed."""

import pytest
import torch
from torch.utils.data import DataLoader, default_collate

from model_guidance.data import from_boxes
from model_guidance.errors import UserError
from model_guidance.types import Regions

BOXES = [[(1, (1, 2, 5, 6)), (0, (0, 0, 3, 3))], [], [(2, (4, 4, 9, 8))]]
WHOLE = from_boxes(BOXES, (10, 12))


def equal(a: Regions, b: Regions) -> bool:
    return (
        torch.equal(a.pairs.image_index, b.pairs.image_index)
        and torch.equal(a.pairs.class_index, b.pairs.class_index)
        and torch.equal(a.masks, b.masks)
        and (a.images, a.pairs.distinct) == (b.images, b.pairs.distinct)
    )


def items() -> list[tuple[torch.Tensor, Regions]]:
    return [(torch.full((3,), i), from_boxes([boxes], (10, 12))) for i, boxes in enumerate(BOXES)]


def test_a_loader_joins_the_regions_of_its_items():
    images, regions = next(iter(DataLoader(items(), batch_size=3)))
    assert images[:, 0].tolist() == [0, 1, 2]
    assert equal(regions, WHOLE)
    found = default_collate([{"regions": each} for _, each in items()])["regions"]
    assert equal(found, WHOLE)


def test_what_counts_is_joined_with_what_always_does():
    first, _, last = (each for _, each in items())
    judged = Regions(last.pairs, last.masks, last.masks, 1)
    found = Regions.cat([first, judged]).valid
    assert torch.equal(found, torch.cat([torch.ones_like(first.masks), last.masks]))


@pytest.mark.parametrize(
    "several",
    [
        [WHOLE, from_boxes(BOXES, (10, 10))],
        [WHOLE, Regions(WHOLE.pairs, WHOLE.masks)],
        [],
    ],
)
def test_what_cannot_be_joined(several: list[Regions]):
    with pytest.raises(UserError, match=r"regions: .*one size"):
        Regions.cat(several)


@pytest.mark.parametrize(
    ("selected", "kept"),
    [
        (0, [0]),
        (-1, [2]),
        ([2, 0], [2, 0]),
        ([], []),
        (slice(1, None), [1, 2]),
        (torch.tensor([True, False, True]), [0, 2]),
        ([False, True, False], [1]),
    ],
)
def test_they_are_indexed_like_tensors(selected: object, kept: list[int]):
    found = WHOLE[selected]
    assert torch.equal(found.masks, WHOLE.masks[kept])
    assert torch.equal(found.pairs.class_index, WHOLE.pairs.class_index[kept])


def test_they_are_iterated_over_like_tensors():
    assert [each.pairs.class_index.item() for each in WHOLE] == [0, 1, 2]
    with pytest.raises(IndexError):
        WHOLE[3]


def test_they_move_like_tensors():
    there = WHOLE.to(device="meta", non_blocking=False)
    assert {there.masks.device.type, there.pairs.image_index.device.type} == {"meta"}
    assert equal(WHOLE.to("cpu", non_blocking=True), WHOLE)
