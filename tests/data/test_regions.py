"""Boxes and masks become masks: at most half a pixel off, never empty."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model_guidance.data.given import from_boxes, from_masks
from model_guidance.data.regions import (
    box_mask,
    dilate_boxes,
    dilate_mask,
    random_boxes,
)
from model_guidance.errors import UserError

SIZE = (12, 20)


@st.composite
def boxes(draw: st.DrawFn) -> list[float]:
    xs = sorted(draw(st.lists(st.floats(0, SIZE[1], width=32), min_size=2, max_size=2)))
    ys = sorted(draw(st.lists(st.floats(0, SIZE[0], width=32), min_size=2, max_size=2)))
    return [xs[0], ys[0], xs[1], ys[1]]


def extent(mask: torch.Tensor) -> list[int]:
    rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


@given(boxes())
def test_a_mask_is_its_box_to_half_a_pixel_and_never_empty(box: list[float]) -> None:
    mask = box_mask(torch.tensor([box]), SIZE)
    x1, y1, x2, y2 = extent(mask)
    assert mask.sum() == (x2 - x1) * (y2 - y1) > 0
    for found, wanted, other in zip((x1, y1, x2, y2), box, box[2:] + box[:2], strict=True):
        assert abs(found - wanted) <= (0.5 if abs(other - wanted) >= 1 else 1)


@given(st.lists(boxes(), max_size=4))
def test_several_boxes_are_united(several: list[list[float]]) -> None:
    united = torch.zeros(SIZE, dtype=torch.bool)
    for box in several:
        united |= box_mask(torch.tensor([box]), SIZE)
    assert torch.equal(box_mask(torch.tensor(several).reshape(-1, 4), SIZE), united)


def test_the_last_row_and_column_belong_to_a_full_box() -> None:
    assert box_mask(torch.tensor([[0.0, 0.0, 20.0, 12.0]]), SIZE).all()
    assert box_mask(torch.tensor([[-9.0, -9.0, 99.0, 99.0]]), SIZE).all()


def test_a_thin_box_is_the_pixel_that_holds_it() -> None:
    assert extent(box_mask(torch.tensor([[10.6, 3.0, 10.9, 3.0]]), SIZE)) == [10, 3, 11, 4]
    assert extent(box_mask(torch.tensor([[20.0, 12.0, 20.0, 12.0]]), SIZE)) == [19, 11, 20, 12]


def test_dilation_adds_a_fraction_on_each_side_up_to_the_edge() -> None:
    grown = dilate_boxes(torch.tensor([[4.0, 2.0, 8.0, 12.0]]), 0.5, SIZE)
    assert grown.tolist() == [[2, 0, 10, 12]]


def test_a_dilated_box_shaped_mask_is_the_mask_of_the_dilated_box() -> None:
    box = torch.tensor([[5.0, 4.0, 9.0, 6.0]])
    for fraction in (0.0, 0.25, 0.5, 3.0):
        # whole pixels: 4 x 2 pixels grow by 0, 1 x 0 (rounded down), 2 x 1, 12 x 6
        whole = torch.tensor([round(fraction * 4), round(fraction * 2)] * 2) * torch.tensor([-1, -1, 1, 1])
        assert torch.equal(dilate_mask(box_mask(box, SIZE), fraction), box_mask(box + whole, SIZE))


def test_an_empty_mask_stays_empty() -> None:
    assert not dilate_mask(torch.zeros(SIZE, dtype=torch.bool), 0.5).any()


def test_random_boxes_keep_their_size_and_stay_inside() -> None:
    wanted = torch.tensor([[1.0, 2.0, 4.0, 9.0], [0.0, 0.0, 20.0, 12.0]]).repeat(200, 1)
    drawn = random_boxes(wanted, SIZE, seed=3)
    torch.testing.assert_close(drawn[:, 2:] - drawn[:, :2], wanted[:, 2:] - wanted[:, :2])
    assert drawn.min() >= 0
    assert (drawn[:, 2:] <= torch.tensor([20.0, 12.0]) + 1e-5).all()
    assert drawn[::2, 0].std() == pytest.approx(17 / 12**0.5, rel=0.15)
    assert torch.equal(drawn, random_boxes(wanted, SIZE, seed=3))


def test_from_boxes_makes_one_mask_per_image_and_class() -> None:
    regions = from_boxes(
        [[(2, (0, 0, 1, 1)), (1, (0, 0, 2, 2)), (2, (3, 3, 4, 5))], [], [(0, (1, 1, 1, 1))]], SIZE
    )
    assert regions.pairs.image_index.tolist() == [0, 0, 2]
    assert regions.pairs.class_index.tolist() == [1, 2, 0]
    assert regions.masks.sum(dim=(1, 2)).tolist() == [4, 3, 1]


def test_from_boxes_names_a_wrong_box() -> None:
    with pytest.raises(
        UserError, match=r"image 1, class 0: the box edges \[30, 0, 31, 1\] must lie in the image of 20 x 12"
    ):
        from_boxes([[], [(0, (30, 0, 31, 1))]], SIZE)


def test_from_masks_drops_empty_pairs_and_sorts_by_image() -> None:
    masks = torch.zeros(3, 2, *SIZE, dtype=torch.bool)
    masks[2, 0, 1, 1] = masks[0, 1, 2, 2] = True
    regions = from_masks(masks)
    assert regions.pairs.image_index.tolist() == [0, 2]
    assert regions.pairs.class_index.tolist() == [1, 0]
    assert regions.masks.shape == (2, *SIZE)


def test_a_batch_may_have_no_region() -> None:
    assert from_boxes([[], []], SIZE).masks.shape == (0, *SIZE)
    assert len(from_masks(torch.zeros(2, 3, *SIZE, dtype=torch.bool))) == 0
