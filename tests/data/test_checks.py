"""Whatever is wrong with a box or a class is said in one sentence naming it."""

import math
import re
from functools import partial
from pathlib import Path

import pytest

from model_guidance.data import open_source
from model_guidance.data.checks import check_box, check_point, class_index
from model_guidance.data.formats.known import open_annotations
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


@pytest.mark.parametrize("radius", [0, -1, math.nan, math.inf, 1e39, 1e-320])
def test_a_radius_that_is_none_once_it_is_stored_is_named(radius: float) -> None:
    with pytest.raises(
        UserError, match=r"^a\.csv: the point \[3, 4\] of radius .* must have a radius above 0"
    ):
        check_point((3, 4, radius), (40, 30), "a.csv")


@pytest.mark.parametrize("place", [(-1, 4), (3, 31), (math.nan, 4), (3, 1e39)])
def test_a_point_outside_of_the_image_is_named(place: tuple[float, float]) -> None:
    with pytest.raises(UserError, match=r"must lie in the image of 40 x 30 pixels"):
        check_point((*place, 2), (40, 30), "a.csv")
    assert check_point((40, 0, 2), (40, 30), "a.csv").tolist() == [40, 0, 2]


def test_an_unknown_class_meets_the_closest_one() -> None:
    with pytest.raises(UserError, match=r"a\.xml: the class 'horze' is unknown; did you mean 'horse'\?"):
        class_index("horze", {"horse": 0, "house": 1}, "a.xml")


def test_of_what_a_file_says_instead_the_ends_are_quoted() -> None:
    with pytest.raises(UserError) as error:
        class_index("horze " * 90, {"horse": 0, "house": 1}, "a.xml")
    said = str(error.value)
    assert said.startswith("a.xml: the class 'horze horze ")
    assert said.endswith(" horze ' is unknown; did you mean 'horse'?")
    assert len(said) < 200


def test_a_relative_path_that_leads_nowhere_says_from_where_it_was_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("photos")
    for opened in (partial(open_source, "folder", path, "train"), partial(open_annotations, path)):
        with pytest.raises(
            UserError, match=rf"^photos: does not exist in {re.escape(str(tmp_path))}, where .*; "
        ):
            opened()
