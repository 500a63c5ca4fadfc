"""The annotated subset: its size, its seed, and fractions that make no sense."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_guidance.data.annotations.settings import RegionSettings, annotated_images
from model_guidance.errors import UserError


def test_one_percent_of_voc_is_25_images() -> None:
    has_region = np.arange(2501) % 3 > 0
    drawn = annotated_images(has_region, 0.01, seed=0)
    assert drawn.sum() == 25
    assert not (drawn & ~has_region).any()


def test_the_draw_depends_on_the_seed_and_is_nested() -> None:
    everything = np.ones(500, bool)
    few, more, other = (annotated_images(everything, f, s) for f, s in ((0.02, 1), (0.1, 1), (0.02, 2)))
    assert (few <= more).all()
    assert (few != other).any()
    np.testing.assert_array_equal(few, annotated_images(everything, 0.02, 1))


def test_the_whole_is_every_image_with_a_region_even_none() -> None:
    assert annotated_images(np.zeros(5, bool), 1.0, 0).sum() == 0
    assert annotated_images(np.array([True, False]), 1.0, 0).tolist() == [True, False]


def test_fewer_regions_than_asked_for_are_all_taken() -> None:
    assert annotated_images(np.arange(10) < 2, 0.5, 0).sum() == 2


@given(st.integers(1, 10**6))
def test_the_smallest_fraction_that_the_message_names_gives_one_image(images: int) -> None:
    with pytest.raises(UserError, match=f"--annotated 1e-09: of {images} images this is none") as caught:
        annotated_images(np.ones(images, bool), 1e-9, 0)
    smallest = float(str(caught.value).split()[-1].rstrip("."))
    assert annotated_images(np.ones(images, bool), smallest, 0).sum() == 1


@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, float("nan")])
def test_fractions_outside_are_refused(fraction: float) -> None:
    with pytest.raises(UserError, match="above 0 and at most 1"):
        annotated_images(np.ones(5, bool), fraction, 0)


def test_no_region_at_all_is_said() -> None:
    with pytest.raises(UserError, match="none of 50 images has a region"):
        annotated_images(np.zeros(50, bool), 0.5, 0)


@pytest.mark.parametrize(
    "wrong", [{"kind": "box"}, {"dilate": -0.1}, {"dilate": float("nan")}, {"annotated": 0.0}, {"seed": -1}]
)
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match="^--(regions|dilate|annotated|annotation_seed) .*: must be"):
        RegionSettings(**wrong)
