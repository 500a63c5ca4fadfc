"""Whatever a photo's mode, it is read and not black; whatever is wrong with it is said naming it."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from tests.data.samples import painted

from model_guidance.data import open_source, open_split
from model_guidance.data.photos import open_image, oriented, read_photo, suffixes
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
    with pytest.raises(UserError, match=rf"cut\.{suffix}: no complete, readable image"):
        open_image(path)


def test_missing_tiny_and_other_things_are_named(tmp_path: Path) -> None:
    Image.new("RGB", (7, 30)).save(tmp_path / "tiny.png")
    os.mkfifo(tmp_path / "pipe.png")
    Image.fromarray(np.full((30, 30), np.nan, np.float32)).save(tmp_path / "nan.tif")
    for name, said in (
        ("none.jpg", "does not exist"),
        ("tiny.png", "is 7 x 30 pixels, but must have 8"),
        ("pipe.png", "it is a folder, a pipe or a device"),
        ("nan.tif", "pixels that are not finite"),
    ):
        with pytest.raises(UserError, match=rf"{name}: .*{said}"):
            open_image(tmp_path / name)


def ramp(low: float, high: float, kind: type) -> np.ndarray:
    return np.linspace(low, high, 256).reshape(16, 16).astype(kind)


@pytest.mark.parametrize(
    ("values", "expected", "said"),
    [
        (ramp(0, 255, np.uint16), np.arange(256), "were read as 8 bits"),
        (16 * ramp(0, 255, np.uint16), np.arange(256), "pixels up to 4080 were read as 12 bits"),
        (4 * ramp(0, 255, np.uint16), np.arange(256), "were read as 10 bits"),
        (ramp(0, 15, np.uint16), 17 * (np.linspace(0, 15, 256).astype(int)), "from 0 to 15 were stretched"),
        (ramp(-1000, 3000, np.int32), np.arange(256), "from -1000 to 3000 were stretched"),
        (ramp(0, 10**6, np.int32), np.arange(256), "from 0 to 1e+06 were stretched"),
        (ramp(0, 1, np.float32), np.arange(256), "pixels from 0 to 1 were read as 0 to 255"),
        (ramp(-3, 5, np.float32), np.arange(256), "from -3 to 5 were stretched"),
    ],
)
def test_deep_pixels_are_never_black(
    tmp_path: Path, values: np.ndarray, expected: np.ndarray, said: str
) -> None:
    path = tmp_path / "deep.tif"
    Image.fromarray(values).save(path)
    image, (remark,) = read_photo(path)
    assert remark.startswith(f"{path}: ")
    assert said in remark
    np.testing.assert_allclose(np.asarray(image)[..., 0].ravel().astype(int), expected, atol=1)


def test_deep_colours_are_never_black(tmp_path: Path) -> None:
    """Pillow keeps the upper byte of each 16-bit colour; of 12 bits that leaves 4."""
    path = tmp_path / "deep.png"
    write_deep_png(path, np.linspace(0, 4095, 48).astype(">u2").reshape(4, 4, 3).repeat(4, 0).repeat(4, 1))
    image, (remark,) = read_photo(path)
    assert "16-bit colours that use 12 bits" in remark
    assert np.asarray(image).max() == 240


@pytest.mark.parametrize("suffix", ["bmp", "pcx", "tga", "ppm", "tif", "sgi", "png"])
def test_dark_colours_of_8_bits_stay_dark(tmp_path: Path, suffix: str) -> None:
    """Whatever the width: a row of 720 pixels has 2160 bytes, and 16 stands in that."""
    for width in (55, 56, 720):
        stored = np.full((10, width, 3), 20, np.uint8)
        stored[2:5, 2:5] = 40
        Image.fromarray(stored).save(tmp_path / f"dark.{suffix}")
        image, remarks = read_photo(tmp_path / f"dark.{suffix}")
        np.testing.assert_array_equal(image, stored)
        assert not remarks


def test_colours_of_5_bits_are_no_deep_ones(tmp_path: Path) -> None:
    """A bitmap of 16 bits for a pixel, 5, 6 and 5 for its colours."""
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    head = struct.pack("<IiiHHIIiiII", 40, 10, 8, 1, 16, 3, 160, 2835, 2835, 0, 0) + masks
    pixels = struct.pack("<H", 0b00010_000100_00010) * 80
    file = struct.pack("<2sIHHI", b"BM", 14 + len(head) + 160, 0, 0, 14 + len(head))
    (tmp_path / "old.bmp").write_bytes(file + head + pixels)
    image, remarks = read_photo(tmp_path / "old.bmp")
    assert np.asarray(image).max() == 16
    assert not remarks


def write_deep_png(path: Path, pixels: np.ndarray) -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def test_a_turned_photo_has_a_remark_and_stays_as_stored(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[274] = 6
    Image.new("RGB", (20, 10)).save(tmp_path / "phone.jpg", exif=tags)
    image, (remark,) = read_photo(tmp_path / "phone.jpg")
    assert image.size == (20, 10)
    assert "viewers turn it (EXIF orientation 6)" in remark
    assert "(check-data and train --orientation upright" in remark
    assert "--orientation upright" in remark


def turned(image: Image.Image, turn: int, path: Path) -> Path:
    """Save an image that viewers turn."""
    tags = Image.Exif()
    tags[274] = turn
    image.save(path, exif=tags)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("turn", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_photo_is_turned_as_viewers_turn_it(tmp_path: Path, turn: int, suffix: str) -> None:
    stored = np.random.default_rng(0).integers(0, 255, (10, 20, 3), np.uint8)
    path = turned(Image.fromarray(stored), turn, tmp_path / f"phone.{suffix}")
    shown = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    np.testing.assert_array_equal(open_image(path, "upright"), shown)
    with oriented("upright"):
        assert read_photo(path)[1] == ()
    image, remarks = read_photo(path)
    np.testing.assert_array_equal(image, stored)
    assert len(remarks) == (turn > 1)


def test_regions_are_of_the_upright_photo(folder: Callable[..., Path], tmp_path: Path) -> None:
    """As annotation tools draw them: the box reaches further down than the stored photo."""
    root = folder("train/cat/1.png,5,20,15,38")
    shown = painted(30, 40, (5, 20, 15, 38))
    turned(shown.transpose(Image.Transpose.ROTATE_90), 6, root / "train/cat/1.png")
    sample = open_source("folder", root, "train", orientation="upright").read(0)
    np.testing.assert_array_equal(sample.image, shown)
    assert sample.annotations[0].shape.tolist() == [5, 20, 15, 38]
    assert sample.remarks == ()
    splits = {
        way: open_split("folder", root, "train", "15x20", tmp_path / "cache", {}, orientation=way)
        for way in ("upright", "stored")
    }
    assert splits["upright"].folder != splits["stored"].folder
    _, boxes = splits["upright"].annotations("boxes", 0)
    assert boxes.tolist() == [[2.5, 10, 7.5, 19]]
    assert splits["upright"].image(0)[11:18, 4:7].min() > 200
    assert splits["stored"].annotations("boxes", 0)[1].tolist() != boxes.tolist()


def test_a_stated_size_is_that_of_the_upright_photo(coco: Callable[..., Path]) -> None:
    root = coco({}, year="val2014")
    turned(painted(30, 40), 6, root / "val2014" / "1.png")
    place = open_source("coco", root, "test").names.index("1.png")
    assert open_source("coco", root, "test", orientation="upright").read(place).image.size == (40, 30)
    with pytest.raises(UserError, match=r"image has 30 x 40; perhaps it needs another --orientation"):
        open_source("coco", root, "test").read(place)


def test_an_unknown_orientation_is_named() -> None:
    with pytest.raises(UserError, match="^--orientation turned: choose one of stored, upright"):
        open_source("shapes", None, "train", orientation="turned")


def test_suffixes_are_those_that_pillow_decodes_alone() -> None:
    assert {".jpg", ".jfif", ".avif", ".webp", ".tif"} <= suffixes()
    assert not {".eps", ".mpg", ".pdf", ".txt"} & suffixes()
