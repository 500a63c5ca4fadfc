"""Images of any size and aspect, brought to any size: regions stay on what was marked, padding is outside."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.data.samples import memory_source, painted
from torch import Tensor

from model_guidance.data import RegionSettings, SplitDataset, loader, open_split
from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.cache.cached import cached
from model_guidance.data.cache.resize import Resized, resize_sample
from model_guidance.data.resizing import MODES, PADDING, Resizing, Size
from model_guidance.data.source import Annotation, Sample, annotated
from model_guidance.errors import UserError

MARKED = ("boxes", "masks", "points", "ignore")
every_mode = pytest.mark.parametrize("mode", MODES)
every_kind = pytest.mark.parametrize("kind", MARKED)
photos = st.tuples(st.integers(12, 90), st.integers(12, 90))
sizes = st.tuples(st.integers(16, 48), st.integers(16, 48))


@st.composite
def marked(draw: st.DrawFn, kind: str, least: int = 3) -> tuple[Sample, Size]:
    """Draw a photo with one white object, marked by a kind of annotation, and a size."""
    height, width = draw(photos)
    x1, y1 = draw(st.integers(0, width - least)), draw(st.integers(0, height - least))
    x2, y2 = draw(st.integers(x1 + least, width)), draw(st.integers(y1 + least, height))
    return of_box(kind, (height, width), (x1, y1, x2, y2)), draw(sizes)


def of_box(kind: str, photo: Size, box: tuple[int, int, int, int]) -> Sample:
    image, shape = painted(*photo[::-1], box), np.array(box, np.float32)
    if kind == "points":  # the largest disc in the box
        x, y, radius = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, min(box[2] - box[0], box[3] - box[1]) / 2
        rows, columns = (np.arange(side) + 0.5 for side in photo)
        disc = (rows[:, None] - y) ** 2 + (columns - x) ** 2 <= radius**2
        image = Image.fromarray(np.repeat(255 * disc[..., None].astype(np.uint8), 3, axis=2))
        shape = np.array([x, y, radius], np.float32)
    elif kind == "masks":
        shape = np.asarray(image)[..., 0] > 0
    return Sample(image, frozenset({0}), (Annotation(kind, 0, shape),))


def grown(mask: Tensor, pixels: int = 1) -> Tensor:
    return F.max_pool2d(mask[None].float(), 2 * pixels + 1, stride=1, padding=pixels)[0] > 0


def shrunk(mask: Tensor, pixels: int = 1) -> Tensor:
    return ~grown(~mask, pixels)


def inside(mask: Tensor, pixels: int) -> Tensor:
    """Return what is farther than this from the mask's outline, to which the image's edge belongs."""
    return shrunk(F.pad(mask, [pixels] * 4), pixels)[pixels:-pixels, pixels:-pixels]


def assert_on(mask: Tensor, white: Tensor, outline: int = 1) -> None:
    """The mask is what is white, but for pixels along its outline."""
    assert not (inside(mask, outline) & ~white).any()
    assert not (white & ~grown(mask, outline)).any()


def outline_of(kind: str, photo: Size, size: Size) -> int:
    """Return how far the drawing and the mask may differ: a disc is drawn in whole pixels of the photo."""
    return 1 + (math.ceil(max(size) / min(photo)) if kind == "points" else 0)


def opened(resized: Resized, kind: str) -> Tensor:
    """Return the union of the masks of a sample's objects."""
    size = resized.pixels.shape[:2]
    rows = np.stack([row for _, row in resized.marked.objects[kind]])
    shapes = torch.from_numpy(KINDS[kind].opened(rows, size))
    return KINDS[kind].masks(KINDS[kind].movable(shapes, size), size).any(dim=0)


@every_mode
@every_kind
@given(st.data())
def test_a_region_is_resized_with_its_image(mode: str, kind: str, data: st.DataObject) -> None:
    sample, size = data.draw(marked(kind))
    resized = resize_sample(sample, Resizing(size, mode), 1)
    assert resized.pixels.shape == (*size, 3)
    white = torch.from_numpy(resized.pixels[..., 0] > 127)
    outline = outline_of(kind, sample.image.size, size)
    if kind in resized.marked.objects:
        assert_on(opened(resized, kind), white, outline)
    else:
        assert mode == "crop"
        assert resized.marked.removed == {kind: 1}
        assert not shrunk(white, outline).any()  # at most a line of it at the edge


@every_mode
@every_kind
@settings(max_examples=15)
@given(st.data())
def test_a_region_moves_with_its_image(
    tmp_path_factory: pytest.TempPathFactory, mode: str, kind: str, data: st.DataObject
) -> None:
    """Cropped, flipped, resized and padded: what is marked is what is white."""
    (height, width), (low, high) = (
        data.draw(photos),
        data.draw(st.tuples(st.integers(2, 5), st.integers(8, 11))),
    )
    box = (width * low // 12, height * low // 12, width * high // 12, height * high // 12)
    source = memory_source([of_box(kind, (height, width), box)])
    rows, columns = data.draw(sizes)
    outline = 2 + outline_of(kind, (height, width), (rows, columns))
    split = cached(source, f"{columns}x{rows}", tmp_path_factory.mktemp("cache"), "x", mode)
    dataset = SplitDataset(split, RegionSettings(kind), augment=True)
    for epoch in range(4):
        item = dataset[epoch, 0]
        assert item.image.shape == (3, rows, columns)
        for region in item.regions:
            mask = region.valid if kind == "ignore" else region.mask
            assert_on(mask, item.image[0] > 127, outline)
        assert item.regions or not shrunk(item.image[0] > 127, outline).any()


@given(photos, sizes)
@example((13, 90), (48, 16))
def test_fit_keeps_the_aspect_and_pads_the_rest(photo: Size, size: Size) -> None:
    white = Image.new("RGB", photo[::-1], (255, 255, 255))
    resizing = Resizing(size, "fit")
    pixels, place = resizing.pixels(white), resizing.placement(photo)
    x1, y1, x2, y2 = place.frame.astype(int)
    assert (pixels[y1:y2, x1:x2] == 255).all()
    assert ((pixels == 255).all(axis=2) | (pixels == PADDING).all(axis=2)).all()
    assert (pixels == PADDING).all(axis=2).sum() == pixels[..., 0].size - (x2 - x1) * (y2 - y1)
    assert x2 - x1 == size[1] or y2 - y1 == size[0]
    assert abs(x1 - (size[1] - x2)) <= 1
    assert abs((x2 - x1) * photo[0] - (y2 - y1) * photo[1]) <= max(photo)  # half a pixel of either side


@given(photos, sizes)
def test_crop_keeps_the_aspect_and_the_middle(photo: Size, size: Size) -> None:
    place = Resizing(size, "crop").placement(photo)
    assert place.frame.tolist() == [0, 0, size[1], size[0]]
    assert place.inner[0] == size[0] or place.inner[1] == size[1]
    assert abs(place.inner[1] * photo[0] - place.inner[0] * photo[1]) <= max(photo)
    ramp = np.repeat(np.linspace(0, 255, photo[1])[None, :, None], photo[0], axis=0)
    image = Image.fromarray(np.repeat(ramp.astype(np.uint8), 3, axis=2))
    pixels = Resizing(size, "crop").pixels(image)[0, :, 0].astype(int)
    assert abs(pixels[0] + pixels[-1] - 255) <= 2 * 255 / min(size[1], photo[1]) + 2  # as much on either side


@every_mode
@given(photos, sizes)
def test_a_map_comes_back_to_its_photo(mode: str, photo: Size, size: Size) -> None:
    """What covers the whole photo again is what the network saw, and empty where it saw nothing."""
    place = Resizing(size, mode).placement(photo)
    seen = np.arange(1, size[0] * size[1] + 1).reshape(size)
    back = place.back(seen)
    assert back.shape == place.inner
    again = place.placed(back)
    x1, y1, x2, y2 = place.frame.astype(int)
    np.testing.assert_array_equal(again[y1:y2, x1:x2], seen[y1:y2, x1:x2])
    assert np.count_nonzero(back) == (x2 - x1) * (y2 - y1)
    assert place.crops == (back == 0).any()


# --- padding ---


@pytest.mark.parametrize("kind", [*MARKED, "random"])
@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("augment", [False, True])
def test_padding_is_outside_of_every_region(tmp_path: Path, kind: str, outside: bool, augment: bool) -> None:
    """Regions that reach the photo's edge, dilated, displaced or turned inside out, end with the photo."""
    name = "boxes" if kind == "random" else kind
    white = Image.new("RGB", (20, 60), (255, 255, 255))
    edge = of_box(name, (60, 20), (0, 20, 20, 40)).annotations
    split = cached(memory_source([Sample(white, frozenset({0}), edge)]), "48x32", tmp_path, kind, "fit")
    assert split.size == (32, 48)
    dataset = SplitDataset(split, RegionSettings(kind, dilate=0.4, outside=outside), augment)
    for epoch in range(6):
        item = dataset[epoch, 0]
        assert item.regions
        for region in item.regions:
            assert not (region.mask & (item.image[2] < 150)).any()  # the padding, and what is nearer to it


def test_a_point_on_the_edge_of_a_padded_photo_is_in_it(tmp_path: Path) -> None:
    sample = Sample(painted(20, 60), frozenset({0}), annotated("points", [(0, np.array([20, 60, 0.1]))]))
    (batch,) = loader(
        SplitDataset(cached(memory_source([sample]), 30, tmp_path, "x", "fit"), RegionSettings("points")), 1
    )
    assert batch.regions.masks.nonzero().tolist() == [[0, 29, 19]]


def test_an_image_that_is_all_marked_has_no_outside(tmp_path: Path) -> None:
    sample = of_box("boxes", (60, 20), (0, 0, 20, 60))
    split = cached(memory_source([sample]), 32, tmp_path, "x", "fit")
    assert SplitDataset(split, RegionSettings(outside=True))[0].regions == []


# --- what a crop removes ---


def test_a_crop_says_what_it_removed(tmp_path: Path) -> None:
    """Of a photo of 40 x 20 the middle is seen: an object at the edge is gone, one across it is cut."""
    lost = of_box("boxes", (20, 40), (0, 0, 9, 20))
    half = of_box("boxes", (20, 40), (5, 5, 15, 15))
    mask = of_box("masks", (20, 40), (0, 0, 9, 20))
    both = Sample(lost.image, frozenset({0}), lost.annotations + mask.annotations + half.annotations)
    split = cached(memory_source([lost, both, half]), 20, tmp_path, "x", "crop")
    assert split.remarks == (
        "--resize crop leaves nothing of 2 of the boxes and 1 of the masks, in 2 of 3 images: they count for "
        "nothing, the images' classes stay",
    )
    assert split.has("boxes").tolist() == [False, True, True]
    assert split.labels[:, 0].tolist() == [1, 1, 1]
    _, boxes = split.annotations("boxes", 2)
    assert boxes.tolist() == [[0, 5, 5, 15]]
    assert cached(memory_source([half]), 20, tmp_path, "y", "crop").remarks == ()


# --- sizes ---


@pytest.mark.parametrize(
    ("size", "found"),
    [
        (224, (224, 224)),
        ("224", (224, 224)),
        ("320x192", (192, 320)),
        ("64x64", (64, 64)),
        ("8x10000", (10000, 8)),
    ],
)
def test_a_size_is_a_side_or_width_and_height(size: int | str, found: Size) -> None:
    resizing = Resizing.of(size)
    assert resizing.size == found
    assert Resizing.of(resizing.spelled).size == found


@pytest.mark.parametrize(
    "size", ["320x", "x192", "320X192", "320 x 192", "3.5", "-5", "", "1x2x3", "320,192", "٣٢"]
)
def test_another_spelling_is_answered_with_the_right_one(size: str) -> None:
    with pytest.raises(UserError, match=r"^--size .*WIDTHxHEIGHT, as 320x192"):
        Resizing.of(size)


@pytest.mark.parametrize("size", [7, 0, "8x7", "7x8", 10_001, "10001x8"])
def test_sizes_have_limits(size: int | str) -> None:
    with pytest.raises(UserError, match=f"^--size {size}: must be at least 8 pixels on each side"):
        Resizing.of(size)


def test_an_unknown_mode_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^--resize pad: choose one of stretch, fit, crop"):
        open_split("shapes", None, "train", 32, tmp_path, {}, mode="pad")


def test_each_size_and_mode_has_its_own_copy_and_squares_keep_theirs(tmp_path: Path) -> None:
    source = memory_source([of_box("boxes", (30, 40), (5, 5, 20, 20))])
    ways = [("16", "stretch"), ("16x24", "stretch"), ("24x16", "stretch"), ("16", "fit"), ("16", "crop")]
    names = [cached(source, size, tmp_path, "x", mode).folder.name for size, mode in ways]
    assert len(set(names)) == 5
    assert names[0] == "x-16px-2067d7bd93577e45-c2bd479c65782b6a"  # another one costs a copy of all data
    assert cached(source, 16, tmp_path, "x").folder.name == names[0]
    assert cached(source, "16x16", tmp_path, "x").folder.name == names[0]
    assert [name.split("-")[1] for name in names[1:3]] == ["16x24px", "24x16px"]


def test_what_is_drawn_is_drawn_at_the_longer_side(tmp_path: Path) -> None:
    split = open_split("shapes", None, "train", "48x32", tmp_path, {"count": 4})
    assert split.image(0).shape == (32, 48, 3)
    classes, masks = split.annotations("masks", 0)
    assert masks.shape == (len(classes), 32, 48)
