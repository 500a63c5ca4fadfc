"""Whatever a photo's mode, it is read; whatever is wrong with it is said in one sentence naming it."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_guidance.data.checks import check_box, class_index, open_image
from model_guidance.errors import UserError


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("L", "jpg"),
        ("1", "png"),
        ("P", "png"),
        ("RGB", "jpg"),
        ("RGBA", "png"),
        ("LA", "png"),
        ("CMYK", "jpg"),
    ],
)
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.new("RGB", (20, 10), (255, 255, 255)).convert(mode).save(path)
    image = open_image(path)
    assert (image.mode, image.size) == ("RGB", (20, 10))
    assert np.asarray(image).min() >= 250


def test_16_bit_gray_keeps_its_range(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    read = np.asarray(open_image(tmp_path / "deep.png"))
    np.testing.assert_array_equal(read[..., 0].ravel(), np.arange(256))


def test_a_transparent_palette_is_read_without_a_warning(tmp_path: Path) -> None:
    Image.new("P", (20, 10)).save(tmp_path / "image.png", transparency=b"\x00\x80")
    assert open_image(tmp_path / "image.png").mode == "RGB"


@pytest.mark.parametrize("kept", [0, 10, 200, 600])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_truncated_image_is_named(tmp_path: Path, kept: int, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=rf"cut\.{suffix} is not a complete, readable image"):
        open_image(path)


def test_missing_tiny_and_floating_images_are_named(tmp_path: Path) -> None:
    Image.new("RGB", (7, 30)).save(tmp_path / "tiny.png")
    Image.new("F", (30, 30)).save(tmp_path / "float.tif")
    with pytest.raises(UserError, match=r"none\.jpg does not exist"):
        open_image(tmp_path / "none.jpg")
    with pytest.raises(UserError, match=r"tiny\.png is 7 x 30 pixels"):
        open_image(tmp_path / "tiny.png")
    with pytest.raises(UserError, match=r"float\.tif is not .*floating-point"):
        open_image(tmp_path / "float.tif")


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
