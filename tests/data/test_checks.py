"""Whatever is wrong with a box or a class is said in one sentence naming it."""

import math

import pytest

from model_guidance.data.checks import check_box, class_index
from model_guidance.errors import UserError


@pytest.mark.parametrize(
    ("box", "right"),
    [
        ((1, math.nan, 3, 4), "must be finite"),
        ((1, 2, math.inf, 4), "must be finite"),
        ((5, 2, 3, 4), "must have xmin <= xmax"),
        ((40, 2, 41, 4), "must lie in the image of 40 x 30"),
        ((-5, 2, 0, 4), "must lie in the image"),
        ((1, 31, 3, 31), "must lie in the image"),
        ((-7, 2, -7, 4), "must lie in the image"),
    ],
)
def test_a_wrong_box_is_named(box: tuple[float, ...], right: str) -> None:
    with pytest.raises(UserError, match=rf"^a\.xml, object 1: the box edges \[.*\] {right}"):
        check_box(box, (40, 30), "a.xml, object 1")


@pytest.mark.parametrize("box", [(0, 0, 40, 30), (0, 0, 0, 0), (40, 30, 40, 30), (3, 2, 3, 9)])
def test_a_box_without_extent_stays(box: tuple[float, ...]) -> None:
    checked, remarks = check_box(box, (40, 30), "a.xml")
    assert (tuple(checked), remarks) == (box, ())


def test_a_box_past_the_edge_is_cut_with_a_remark() -> None:
    checked, (remark,) = check_box((-1, 2, 50, 4), (40, 30), "a.xml")
    assert tuple(checked) == (0, 2, 40, 4)
    assert remark.startswith("a.xml: the box edges [-1, 2, 50, 4] were cut")


def test_an_unknown_class_meets_the_closest_one() -> None:
    with pytest.raises(UserError, match=r"a\.xml: the class 'horze' is unknown; did you mean 'horse'\?"):
        class_index("horze", {"horse": 0, "house": 1}, "a.xml")
