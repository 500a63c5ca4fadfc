"""Composites: what they show, of which they are made, their labels, and that a seed decides them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.data.samples import memory_source

from model_guidance.data.annotations.settings import RegionSettings
from model_guidance.data.cache.cached import cached
from model_guidance.data.cache.features import cached_features
from model_guidance.data.cache.split import Split
from model_guidance.data.composites import CROP, FILLERS, Composites
from model_guidance.data.dataset import Item, SplitDataset
from model_guidance.data.loading import collate, loader
from model_guidance.data.mixing import AnnotatedImages, Beside, Mixed
from model_guidance.data.replacement import feathered, mean_colour
from model_guidance.data.source import Sample, annotated
from model_guidance.errors import UserError
from model_guidance.types import Batch

SIZE = 48
BOXES = ((4, 4, 20, 16), (24, 20, 40, 44))  # of class 0 and class 1
OBJECT, GROUND = (200, 10), (40, 90)  # brightness of objects, of the ground of even and of odd images


def picture(number: int, boxes: Sequence[Sequence[int]]) -> Image.Image:
    """A ground that tells the image's number in its blue, with objects brighter or darker than it."""
    pixels = np.full((SIZE, SIZE, 3), GROUND[number % 2], np.uint8)
    pixels[..., 2] = 20 * number
    for box in boxes:
        x1, y1, x2, y2 = box
        pixels[y1:y2, x1:x2, :2] = OBJECT[BOXES.index(tuple(box))]
    return Image.fromarray(pixels)


def sample(number: int, classes: Sequence[int], marked: Sequence[int] | None = None) -> Sample:
    boxes = [(label, np.array(BOXES[label], np.float32)) for label in (classes if marked is None else marked)]
    image = picture(number, [BOXES[label] for label in classes])
    return Sample(image, frozenset(classes), annotated("boxes", boxes))


def split_of(tmp_path: Path, samples: Sequence[Sample], **facts: object) -> Split:
    return cached(memory_source(samples, **facts), SIZE, tmp_path, "composites")


def exclusive(tmp_path: Path, count: int = 6) -> Split:
    return split_of(tmp_path, [sample(i, [i % 2]) for i in range(count)], exclusive=True)


def equal(one: Item, other: Item) -> bool:
    masks = [[region.mask for region in each.regions] for each in (one, other)]
    same = len(masks[0]) == len(masks[1]) and all(map(torch.equal, *masks))
    return same and torch.equal(one.image, other.image) and torch.equal(one.labels, other.labels)


def number(item: Item, row: int, column: int) -> float:
    """Which image a pixel is of."""
    return float(item.image[2, row, column]) / 20


@pytest.mark.parametrize("filler", FILLERS)
def test_the_object_stays_and_everything_else_is_replaced(tmp_path: Path, filler: str):
    split = exclusive(tmp_path)
    for item in (Composites(SplitDataset(split), 20, filler)[i] for i in range(20)):
        label = int(item.labels.argmax())
        (region,) = item.regions
        assert item.labels.tolist() == np.eye(2)[label].tolist()
        assert region.label == label
        x1, y1, x2, y2 = BOXES[label]
        own = number(item, y1, x1)
        assert own % 2 == label  # the whole of one annotated image's object is there
        assert (item.image[0][region.mask] == OBJECT[label]).all()
        assert int(region.mask.sum()) == (x2 - x1) * (y2 - y1)
        outside = item.image[:, feathered(region.mask[None])[0] == 0].float()
        if filler == "swap":
            other = outside[2] / 20
            assert (other == other[0]).all()  # of one other image, and nothing of that one's object
            assert other[0] != own
            assert (outside[0] == GROUND[int(other[0]) % 2]).all()
        elif filler == "noise":
            assert outside.std() > 60
        else:
            ground = torch.tensor([GROUND[label]] * 2 + [20 * own])[:, None]
            assert (outside - ground).abs().max() <= 1  # nothing of the object's own colour


def test_between_them_lies_the_mixture(tmp_path: Path):
    split = exclusive(tmp_path)
    item = Composites(SplitDataset(split), 1, "mean")[0]
    soft = feathered(item.regions[0].mask[None])
    image = torch.from_numpy(split.image(int(number(item, *BOXES[int(item.labels.argmax())][1::-1]))))
    own = image.permute(2, 0, 1)[None].float()
    expected = soft * own + (1 - soft) * mean_colour(own, soft == 0)
    assert torch.equal(item.image, expected[0].round().to(torch.uint8))


@pytest.mark.parametrize("filler", FILLERS)
def test_with_the_inside_replaced_no_class_is_right(tmp_path: Path, filler: str):
    for item in (Composites(SplitDataset(exclusive(tmp_path)), 12, filler, "inside")[i] for i in range(12)):
        assert item.labels.tolist() == [0.5, 0.5]
        assert item.regions == []
        assert item.image[0, -1, 0] in GROUND  # the surroundings are as they were
        if filler != "noise":
            assert ((item.image[0] >= GROUND[0]) & (item.image[0] <= GROUND[1])).all()  # no object anywhere


def test_both_sides_are_replaced_about_equally_often(tmp_path: Path):
    composites = Composites(SplitDataset(exclusive(tmp_path)), 100, "mean", "both")
    with_regions = sum(bool(composites[i].regions) for i in range(100))
    assert 30 < with_regions < 70


def test_of_several_classes_those_with_a_region_stay_or_go(tmp_path: Path):
    """Of the first image both classes are marked, of the others class 0 alone; all show both."""
    samples = [sample(0, [0, 1]), *(sample(i, [0, 1], [0]) for i in range(1, 4))]
    dataset = SplitDataset(split_of(tmp_path, samples))
    outside, inside = (Composites(dataset, 30, "mean", side) for side in ("outside", "inside"))
    for i in range(30):
        kept, gone = outside[i], inside[i]
        whole = number(kept, 4, 4) == 0
        assert kept.labels.tolist() == ([1, 1] if whole else [1, 0])
        assert [region.label for region in kept.regions] == ([0, 1] if whole else [0])
        assert gone.labels.tolist() == ([0, 0] if number(gone, 0, 0) == 0 else [0, 1])
    with pytest.raises(UserError, match="^--filler swap: 1 of 4 annotated images can be the background"):
        Composites(dataset, 30)


def test_one_region_of_several_is_guided(tmp_path: Path):
    dataset = SplitDataset(split_of(tmp_path, [sample(i, [0, 1]) for i in range(3)]), draw_one=True)
    items = [Composites(dataset, 30)[i] for i in range(30)]
    assert {region.label for item in items for region in item.regions} == {0, 1}
    assert {len(item.regions) for item in items} == {1}
    assert all(item.labels.tolist() == [1, 1] for item in items)


def test_seed_epoch_and_index_decide_an_item(tmp_path: Path):
    split = exclusive(tmp_path)
    one, again = (Composites(SplitDataset(split, augment=True, seed=4), 9, "swap", "both") for _ in range(2))
    torch.rand(3)
    for epoch, index in ((0, 0), (0, 1), (3, 1)):
        assert equal(one[epoch, index], again[epoch, index])
    assert equal(one[0, 5], one[5])
    other = Composites(SplitDataset(split, augment=True, seed=5), 9, "swap", "both")
    for drawn in ([one[1, i] for i in range(9)], [other[0, i] for i in range(9)]):
        assert not all(equal(one[0, i], item) for i, item in enumerate(drawn))


def test_a_crop_moves_the_image_with_its_region(tmp_path: Path):
    composites = Composites(SplitDataset(exclusive(tmp_path), augment=True), 40, "mean")
    items = [composites[i] for i in range(40)]
    for item in items:
        for region in item.regions:
            edge = feathered(region.mask[None])[0]
            inside = item.image[0].float()[region.mask]
            assert (inside - OBJECT[region.label]).abs().median() < 2
            assert (item.image[0].float()[edge == 0] - GROUND[region.label]).abs().median() < 2
    assert len({int(item.regions[0].mask.sum()) for item in items if item.regions}) > 10


def test_the_settings_of_the_regions_hold(tmp_path: Path):
    split = exclusive(tmp_path, 8)
    few = Composites(SplitDataset(split, RegionSettings(annotated=0.25, seed=1)), 30)
    drawn = set(np.flatnonzero(few.dataset.annotated).tolist())
    assert len(drawn) == 2
    origins = [(region.mask.nonzero()[0].tolist(), few[i]) for i in range(30) for region in few[i].regions]
    assert {number(item, *place) for place, item in origins} == drawn
    grown = Composites(SplitDataset(split, RegionSettings(dilate=0.25)), 1)[0].regions[0]
    assert int(grown.mask.sum()) > 1.8 * int(Composites(SplitDataset(split), 1)[0].regions[0].mask.sum())
    elsewhere = [Composites(SplitDataset(split, RegionSettings("random", seed=2)), 9)[i] for i in range(9)]
    shown = [(item.image[0][item.regions[0].mask] == OBJECT[int(item.labels.argmax())]) for item in elsewhere]
    assert not all(each.all() for each in shown)
    turned = [Composites(SplitDataset(split, RegionSettings(outside=True)), 9, "mean")[i] for i in range(9)]
    for item in turned:
        (region,) = item.regions
        assert int(region.mask.sum()) > SIZE**2 / 2
        assert (item.image[0][region.mask] == GROUND[region.label]).all()


def test_a_batch_says_how_much_each_image_counts(tmp_path: Path):
    dataset = SplitDataset(exclusive(tmp_path))
    composites = Composites(dataset, 9, weight=3.0)
    assert collate([dataset[0], dataset[1]]).weights is None
    batch = collate([dataset[0], dataset[1], composites[0], composites[1], composites[2]])
    assert batch.weights.tolist() == [0.5, 0.5, 1, 1, 1]
    assert batch.images.shape == (5, 3, SIZE, SIZE)
    assert batch.regions.pairs.image_index.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("samples", "wrong", "message"),
    [
        ([sample(0, [0], [])] * 3, {}, "^--composites: there is nothing to compose, none of the 3 training"),
        ([sample(0, [0], [1])] * 3, {}, "^--composites: there is nothing to compose"),
        (
            [sample(0, [0]), sample(1, [1], [])],
            {},
            "^--filler swap: 1 of 1 annotated images can be the backg",
        ),
        (
            [sample(0, [0])],
            {"filler": "grey"},
            "^--filler grey: choose one of swap, mean, blur, noise, c",
        ),
        ([sample(0, [0])], {"replaced": "all"}, "^--replaced all: choose one of outside, inside, both$"),
    ],
)
def test_what_cannot_be_composed_is_said(tmp_path: Path, samples: list[Sample], wrong: dict, message: str):
    with pytest.raises(UserError, match=message):
        Composites(SplitDataset(split_of(tmp_path, samples)), 5, **wrong)


@pytest.mark.parametrize("filler", ["mean", "blur", "noise"])
def test_one_annotated_image_is_enough_without_a_swap(tmp_path: Path, filler: str):
    dataset = SplitDataset(split_of(tmp_path, [sample(1, [1])]))
    assert Composites(dataset, 5, filler)[4].labels.tolist() == [0, 1]


def test_a_region_of_the_whole_image_leaves_it_as_it_is(tmp_path: Path):
    whole = annotated("boxes", [(0, np.array([0, 0, SIZE, SIZE], np.float32))])
    split = split_of(tmp_path, [Sample(picture(1, BOXES), frozenset({0}), whole)] * 2)
    for filler in ("mean", "blur", "noise"):
        item = Composites(SplitDataset(split), 1, filler)[0]
        assert torch.equal(item.image, SplitDataset(split)[0].image)
    with pytest.raises(UserError, match="^--filler swap: 0 of 2 .* a tenth of the image outside"):
        Composites(SplitDataset(split), 1)


def joined(dataset: SplitDataset, share: float, batch: int, **options: object) -> list[Batch]:
    load = loader(Mixed(dataset, [Beside(Composites(dataset, 9), share)]), batch, True, 5, **options)
    load.sampler.set_epoch(2)
    batches = list(load)
    assert len(load) == len(batches)
    return batches


def test_each_batch_has_its_images_and_then_its_share_of_composites(tmp_path: Path):
    dataset = SplitDataset(exclusive(tmp_path, 11))
    plain = loader(dataset, 4, True, 5)
    plain.sampler.set_epoch(2)
    drawn, first = Composites(dataset, 9), 0
    for images, batch in zip(plain, joined(dataset, 0.5, 4), strict=True):
        own = len(images.images)
        assert torch.equal(batch.images[:own], images.images)
        assert torch.equal(batch.index[:own], images.index)
        beside = len(batch.images) - own
        assert beside == {4: 2, 3: 2}[own]
        expected = collate([dataset[0], *(drawn[2, first + i] for i in range(beside))])
        assert torch.equal(batch.images[own:], expected.images[1:])
        assert torch.equal(batch.regions.masks[own:], expected.regions.masks[1:])
        assert batch.weights.tolist() == pytest.approx([1 / own] * own + [1 / beside] * beside)
        first += beside


def test_a_batch_of_which_the_share_is_less_than_one_gets_one(tmp_path: Path):
    batches = joined(SplitDataset(exclusive(tmp_path, 7)), 0.01, 3)
    assert [len(batch.images) for batch in batches] == [4, 4, 2]


def test_batches_depend_on_no_worker(tmp_path: Path):
    dataset = SplitDataset(exclusive(tmp_path, 7), augment=True)
    alone, helped = (joined(dataset, 1, 3, workers=workers) for workers in (0, 2))
    for one, other in zip(alone, helped, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)


def test_with_views_there_are_as_many_fixed_sets(tmp_path: Path):
    dataset = SplitDataset(exclusive(tmp_path, 7), augment=True, seed=3, views=2)
    made, endless = Composites(dataset, 4), Composites(SplitDataset(dataset.split, augment=True, seed=3), 4)
    for epoch in range(4):
        assert torch.equal(made[epoch, 6].image, endless[epoch % 2, 2].image)


def test_features_stand_in_for_composites(tmp_path: Path):
    dataset = SplitDataset(exclusive(tmp_path, 7), augment=True, draw_one=True, views=2)
    rows = np.arange(8, dtype=np.float32).reshape(4, 2)
    stored = [
        cached_features(
            tmp_path / "x" / f"{view}", (2,), rows.dtype, 4, lambda v=view: [(np.arange(4), rows + v)]
        )
        for view in range(2)
    ]
    images, features = (Composites(dataset, 4, replaced="both", features=each) for each in ((), stored))
    for epoch, number in ((0, 1), (1, 5), (2, 3)):
        expected, found = images[epoch, number], features[epoch, number]
        assert np.array_equal(found.image, rows[number % 4] + epoch % 2)
        assert torch.equal(found.labels, expected.labels)
        assert all(torch.equal(a.mask, b.mask) for a, b in zip(found.regions, expected.regions, strict=True))


@pytest.mark.parametrize("augment", [False, True])
def test_composites_of_other_pixels_share_no_features(tmp_path: Path, augment: bool):
    split = exclusive(tmp_path, 7)
    other = RegionSettings(annotated=0.5, seed=1)
    made = [
        Composites(SplitDataset(split, augment=augment, seed=0), 3),
        Composites(SplitDataset(split, augment=augment, seed=1), 3),
        Composites(SplitDataset(split, other, augment=augment), 3),
        Composites(SplitDataset(split, augment=augment), 3, "mean"),
        Composites(SplitDataset(split, augment=augment), 3, replaced="inside"),
    ]
    assert len({each.pixels for each in made}) == len(made)
    assert not torch.equal(made[0][0].image, made[1][0].image)
    assert made[0].pixels == Composites(SplitDataset(split, augment=augment), 3).pixels


def test_composites_of_other_regions_or_of_other_chosen_images_share_no_features(tmp_path: Path):
    """Regions of a file that is laid over lie in a folder of their own: that of the images is the same."""
    split, found = exclusive(tmp_path / "one", 6), set()
    moved = [annotated("boxes", [(i % 2, np.array(BOXES[i % 2], np.float32) + 2)]) for i in range(6)]
    samples = [replace(sample(i, [i % 2]), annotations=each) for i, each in enumerate(moved)]
    other = split_of(tmp_path / "other", samples, exclusive=True)
    for regions in (None, other.folder):
        whole = SplitDataset(Split.open(split.folder, regions), RegionSettings())
        found.add(whole.regions_identity)
        for chosen in ((1, 3), (1, 5)):
            named = tmp_path / "named.txt"
            named.write_text("\n".join(split.names[index] for index in chosen))
            dataset = SplitDataset(whole.split, RegionSettings(images=named))
            found.add(Composites(dataset, 3, "mean").pixels if regions is None else dataset.regions_identity)
    assert len(found) == 6


def test_annotated_images_come_in_turn_and_are_only_guided(tmp_path: Path):
    dataset = SplitDataset(exclusive(tmp_path, 10), RegionSettings(annotated=0.3, seed=1), seed=2)
    chosen = set(np.flatnonzero(dataset.annotated))
    load = loader(Mixed(dataset, [Beside(AnnotatedImages(dataset), 0.5)]), 4, True, 5)
    seen = []
    for batch in load:
        own = int(batch.weights.count_nonzero())
        assert batch.weights.tolist() == pytest.approx([1 / own] * own + [0.0] * max(1, round(own / 2)))
        assert set(range(own, len(batch.images))) <= set(batch.regions.pairs.image_index.tolist())
        seen += batch.index[own:].tolist()
    assert len(chosen) == 3
    assert set(seen[:3]) == chosen
    assert len(seen) == 5


def test_annotated_images_beside_composites_do_not_thin_them_out(tmp_path: Path):
    dataset = SplitDataset(exclusive(tmp_path, 8))
    beside = [Beside(Composites(dataset, 9, weight=3.0), 0.5), Beside(AnnotatedImages(dataset), 1.0)]
    batch = next(iter(loader(Mixed(dataset, beside), 4, True)))
    assert batch.weights.tolist() == pytest.approx([0.25] * 4 + [1.5] * 2 + [0.0] * 4)


def test_processes_share_the_composites_of_one(tmp_path: Path):
    dataset = SplitDataset(exclusive(tmp_path, 8))
    one = joined(dataset, 0.5, 4)
    parts = [joined(dataset, 0.5, 2, shard=(rank, 2)) for rank in range(2)]
    for batch, *both in zip(one, *parts, strict=True):
        assert torch.equal(batch.images[4::2], both[0].images[2:])
        assert torch.equal(batch.images[5::2], both[1].images[2:])


def test_a_crop_fills_the_image_with_the_regions_and_a_margin(tmp_path: Path):
    item = Composites(SplitDataset(exclusive(tmp_path)), 1, CROP)[0]
    label = int(item.labels.argmax())
    (region,) = item.regions
    x1, y1, x2, y2 = BOXES[label]
    inside = [1 / (1 + 2 * round((end - start) / 8) / (end - start)) for start, end in ((x1, x2), (y1, y2))]
    for axis, share in zip((0, 1), inside, strict=True):
        assert float(region.mask.any(dim=axis).float().mean()) == pytest.approx(share, abs=2 / SIZE)
    assert (item.image[0].float() - OBJECT[label]).abs()[region.mask].quantile(0.8) < 3
    whole = Composites(SplitDataset(exclusive(tmp_path), augment=True), 8, CROP)
    assert any(not torch.equal(whole[number].image, item.image) for number in range(8))


def test_a_crop_has_no_inside_to_replace(tmp_path: Path):
    with pytest.raises(UserError, match="leave out --replaced both"):
        Composites(SplitDataset(exclusive(tmp_path)), 1, CROP, "both")
