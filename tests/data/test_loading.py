"""A batch is the same whoever loads it, and its regions lie where the image says."""

from dataclasses import replace
from itertools import product, zip_longest
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.data.samples import memory_source, painted
from torch import Tensor

from model_guidance.data.annotations.kinds import KINDS
from model_guidance.data.annotations.settings import RegionSettings
from model_guidance.data.augmentation import crop_and_flip
from model_guidance.data.cache.cached import cached
from model_guidance.data.cache.split import Split
from model_guidance.data.dataset import SplitDataset
from model_guidance.data.loading import EpochSampler, collate, loader, some_of
from model_guidance.data.mixing import AnnotatedImages, Beside, Mixed
from model_guidance.data.regions import box_mask, random_boxes
from model_guidance.data.source import Sample, Source, annotated
from model_guidance.types import Batch, Regions

BOX = (40, 30, 120, 90)
SIZE = 96


def source(count: int = 8, **facts: object) -> Source:
    """160 x 120 images, each with a white box that is also the object's mask."""
    mask = np.zeros((120, 160), bool)
    mask[30:90, 40:120] = True
    sample = Sample(
        painted(160, 120, BOX),
        frozenset({1}),
        annotated("boxes", [(1, np.array(BOX, np.float32))]) + annotated("masks", [(1, mask)]),
        0,
    )
    return memory_source([sample] * count, **facts)


@pytest.fixture
def split(tmp_path: Path) -> Split:
    return cached(source(), SIZE, tmp_path, "boxes")


def equal(one: object, other: object) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if one is None or isinstance(one, int | float):
        return one == other
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return all(equal(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__)


def batches(dataset: SplitDataset, epoch: int = 0, **options: object) -> list[Batch]:
    load = loader(dataset, 3, shuffle=True, seed=5, **options)
    load.sampler.set_epoch(epoch)
    return list(load)


def edges(profile: Tensor) -> tuple[float, float]:
    """Where a bright bar begins and ends on a line, to a fraction of a pixel."""
    share = profile.float() / profile.max()
    inside = (share >= 0.5).nonzero()
    first, last = int(inside[0]), int(inside[-1])
    start = first - (float(share[first - 1]) if first > 0 else 0)
    end = last + 1 + (float(share[last + 1]) if last + 1 < len(share) else 0)
    return start + 1 - float(share[first]), end - 1 + float(share[last])


# --- geometry ---


@pytest.mark.parametrize("seed", range(25))
def test_box_and_mask_stay_on_the_painted_box(split: Split, seed: int) -> None:
    shapes = {name: torch.from_numpy(split.annotations(name, 0)[1]) for name in ("boxes", "masks")}
    movable = [KINDS[name].movable(each, (SIZE, SIZE)) for name, each in shapes.items()]
    image, (boxes, masks) = crop_and_flip(torch.from_numpy(split.image(0)).permute(2, 0, 1), movable, seed)
    gray = image.float().mean(0)
    row = gray[int((boxes[0, 1] + boxes[0, 3]) / 2)]
    column = gray[:, int((boxes[0, 0] + boxes[0, 2]) / 2)]
    painted_box = [*zip(edges(row), edges(column), strict=True)]
    np.testing.assert_allclose(np.ravel(painted_box), boxes[0], atol=0.5)
    region = box_mask(boxes.as_subclass(Tensor), (SIZE, SIZE))
    assert ((gray > 127) ^ region).sum() <= 0.5 * 4 * SIZE
    assert (masks[0] ^ region).sum() <= 0.5 * 4 * SIZE


def test_a_flip_mirrors_everything(split: Split) -> None:
    ramp = torch.arange(SIZE, dtype=torch.uint8).expand(3, SIZE, SIZE)
    boxes = KINDS["boxes"].movable(torch.tensor([[0.0, 0.0, 10.0, SIZE]]), (SIZE, SIZE))
    first = [crop_and_flip(ramp, [boxes], seed) for seed in range(40)]
    mirrored = [bool(image[0, 0, 0] > image[0, 0, -1]) for image, _ in first]
    assert 8 < sum(mirrored) < 32
    for (_, (moved,)), flipped in zip(first, mirrored, strict=True):
        x1, _, x2, _ = moved[0].tolist()
        assert x2 <= x1 or (x2 == SIZE if flipped else x1 == 0)


def test_a_class_that_the_crop_removed_has_no_region(tmp_path: Path) -> None:
    corner = np.array([0, 0, 12, 12], np.float32)
    mask = np.zeros((SIZE, SIZE), bool)
    mask[:12, :12] = True
    sample = Sample(
        painted(SIZE, SIZE),
        frozenset({0}),
        annotated("boxes", [(0, corner)]) + annotated("masks", [(0, mask)]),
    )
    for outside in (False, True):
        split = cached(memory_source([sample] * 30, outside=outside), SIZE, tmp_path, f"corner {outside}")
        examples = [SplitDataset(split, augment=True)[0, i] for i in range(30)]
        kept = [len(example.regions) for example in examples]
        assert 0 < sum(kept) < 30
        assert all(example.labels.tolist() == [1, 0] for example in examples)
        assert all(each.mask.any() for example in examples for each in example.regions)


def test_the_callers_random_state_is_left_alone(split: Split) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    batches(SplitDataset(split, augment=True))
    assert torch.equal(torch.rand(3), expected)


# --- what is a region ---


def only(split: Split, **settings: object) -> Regions:
    batch = collate([SplitDataset(split, RegionSettings(**settings))[0]])
    return batch.regions


BOX_MASK = box_mask(torch.tensor([[24.0, 24, 72, 72]]), (SIZE, SIZE))


def test_kinds_of_regions(split: Split) -> None:
    assert torch.equal(only(split).masks[0], BOX_MASK)
    assert torch.equal(only(split, kind="masks").masks[0], BOX_MASK)
    assert torch.equal(only(split, outside=True).masks[0], ~BOX_MASK)
    grown = box_mask(torch.tensor([[12.0, 12, 84, 84]]), (SIZE, SIZE))
    assert torch.equal(only(split, dilate=0.25).masks[0], grown)
    assert torch.equal(only(split, kind="masks", dilate=0.25).masks[0], grown)
    assert only(split).pairs.class_index.tolist() == [1]


def test_random_regions_have_the_size_and_stay_over_the_epochs(split: Split) -> None:
    dataset = SplitDataset(split, RegionSettings(kind="random", seed=1))
    first, again, other = (dataset[key].regions[0] for key in ((0, 0), (3, 0), (0, 1)))
    assert first.label == 1
    assert torch.equal(first.mask, again.mask)
    assert not torch.equal(first.mask, other.mask)
    assert abs(int(first.mask.sum()) - 48 * 48) <= 2 * 48 + 1
    assert random_boxes(torch.zeros(0, 4), (SIZE, SIZE), 0).shape == (0, 4)


def test_an_empty_outside_is_dropped(split: Split) -> None:
    assert len(only(split, dilate=1.0)) == 1
    assert len(only(split, dilate=1.0, outside=True)) == 0
    assert SplitDataset(split, RegionSettings(dilate=1.0, outside=True))[0].regions == []


def test_an_outside_task_complements_regions_and_has_no_objects(tmp_path: Path) -> None:
    outside = cached(source(outside=True), SIZE, tmp_path, "outside")
    assert torch.equal(only(outside).masks[0], ~BOX_MASK)
    assert torch.equal(only(outside, outside=True).masks[0], BOX_MASK)
    assert len(collate([SplitDataset(outside)[0]]).objects) == 0


def test_objects_are_masks_whatever_the_regions_are(split: Split) -> None:
    for settings in (RegionSettings(outside=True, dilate=0.5), RegionSettings(kind="masks", dilate=0.5)):
        batch = collate([SplitDataset(split, settings)[0]])
        assert torch.equal(batch.objects.masks[0], BOX_MASK)


def test_only_annotated_images_have_regions(split: Split) -> None:
    dataset = SplitDataset(split, RegionSettings(annotated=0.25, seed=3))
    batch = collate([dataset[i] for i in range(8)])
    assert batch.regions.pairs.image_index.tolist() == np.flatnonzero(dataset.annotated).tolist()
    assert len(batch.regions) == 2
    assert len(batch.objects) == 8


def test_an_image_without_labels_is_in_the_batch(tmp_path: Path) -> None:
    empty = cached(memory_source([Sample(painted(20, 20), frozenset())] * 2), 16, tmp_path, "x")
    (batch,) = loader(SplitDataset(empty, augment=True), 2)
    assert batch.images.shape == (2, 3, 16, 16)
    assert batch.images.dtype == torch.uint8
    assert batch.labels.tolist() == [[0, 0], [0, 0]]
    assert (len(batch.regions), batch.regions.masks.shape) == (0, (0, 16, 16))
    assert batch.groups.tolist() == [-1, -1]


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        RegionSettings(dilate=0.1),
        RegionSettings("random", seed=3),
        RegionSettings("masks", outside=True),
        RegionSettings("points", annotated=0.5, dilate=0.2),
        RegionSettings("ignore"),
    ],
    ids=lambda settings: settings.kind,
)
def test_items_of_a_batch_are_those_that_are_asked_for_one_by_one(
    tmp_path: Path, settings: RegionSettings, augment: bool
) -> None:
    dataset = SplitDataset(cached(various(), SIZE, tmp_path, "various"), settings, augment, seed=7)
    mixed = Mixed(dataset, [Beside(AnnotatedImages(dataset), 0.5)])
    keys = [(epoch, index, source) for epoch, index, source in product((0, 3), range(8), (0, 1))]
    together = mixed.__getitems__(keys)
    assert all(equal(item, mixed[key]) for item, key in zip(together, keys, strict=True))
    own = [item for item, (*_, source) in zip(together, keys, strict=True) if source == 0]
    assert len({len(item.regions) for item in own}) > 1
    assert all(equal(item, dataset[key[:2]]) for item, key in zip(own, keys[::2], strict=True))


def various() -> Source:
    """Images with none, one or several objects of all kinds, of one class or of two."""
    mask = np.zeros((120, 160), bool)
    mask[10:60, 20:90] = True
    shapes = {
        "boxes": [np.array(BOX, np.float32), np.array((0, 0, 50, 40), np.float32)],
        "masks": [mask, mask[::-1, ::-1]],
        "points": [np.array((60, 50, 12), np.float32), np.array((110, 80, 9), np.float32)],
        "ignore": [np.array((5, 5, 30, 20), np.float32), np.array((90, 60, 150, 110), np.float32)],
    }
    found = []
    for number in range(8):
        chosen = [(kind, each) for kind, each in shapes.items() if (number + len(kind)) % 3]
        objects = [annotated(kind, [(n * (number % 2), each[n]) for n in (0, 1)]) for kind, each in chosen]
        found.append(Sample(painted(160, 120, BOX), frozenset({0, 1}), sum(objects, ()) if number else ()))
    return memory_source(found)


# --- order ---


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_do_not_depend_on_workers(split: Split, workers: int) -> None:
    dataset = SplitDataset(split, augment=True, seed=5)
    load = loader(dataset, 3, shuffle=True, seed=5, workers=workers)
    for epoch in (0, 1):  # the second epoch with the workers of the first
        load.sampler.set_epoch(epoch)
        alone = batches(dataset, epoch)
        assert all(equal(one, other) for one, other in zip(load, alone, strict=True))


def test_epochs_differ_and_a_resumed_one_is_identical(split: Split) -> None:
    first, second, again = (batches(SplitDataset(split, augment=True), epoch) for epoch in (0, 1, 1))
    assert all(equal(one, other) for one, other in zip(second, again, strict=True))
    assert not any(equal(one, other) for one, other in zip(first, second, strict=True))
    assert not torch.equal(
        SplitDataset(split, augment=True)[0, 0].image, SplitDataset(split, augment=True)[1, 0].image
    )


def test_the_loader_passes_the_epoch_on_to_the_crop(split: Split) -> None:
    dataset = SplitDataset(split, augment=True)
    load = loader(dataset, 8)
    for epoch in (0, 1):
        load.sampler.set_epoch(epoch)
        (batch,) = load
        assert equal(batch, collate([dataset[epoch, index] for index in range(8)]))


def test_every_image_comes_once(split: Split) -> None:
    seen = torch.cat([batch.index for batch in batches(SplitDataset(split))])
    assert sorted(seen.tolist()) == list(range(8))
    assert seen.tolist() != list(range(8))


@pytest.mark.parametrize(("images", "processes"), [(10, 3), (2, 5), (7, 1)])
def test_shards_share_the_order(images: int, processes: int) -> None:
    shards = [EpochSampler(images, True, 1, (rank, processes)) for rank in range(processes)]
    drawn = [[index for _, index in shard] for shard in shards]
    assert [len(shard) for shard in shards] == [len(part) for part in drawn]
    assert {index for part in drawn for index in part} == set(range(images))
    assert len({len(part) for part in drawn}) == 1
    whole = [index for _, index in EpochSampler(images, True, 1)]
    dealt = [index for turn in zip(*drawn, strict=True) for index in turn]
    assert dealt[:images] == whole


@pytest.mark.parametrize(("images", "processes"), [(10, 3), (2, 5), (7, 1), (9, 2)])
@pytest.mark.parametrize("shuffle", [False, True])
def test_shards_share_the_batches_of_an_evaluation(images: int, processes: int, shuffle: bool) -> None:
    shards = [EpochSampler(images, shuffle, 1, (rank, processes), whole=2) for rank in range(processes)]
    drawn = [[index for _, index in shard] for shard in shards]
    assert [len(shard) for shard in shards] == [len(part) for part in drawn]
    parts = [[part[i : i + 2] for i in range(0, len(part), 2)] for part in drawn]
    dealt = [batch for turn in zip_longest(*parts) for batch in turn if batch]
    order = [index for _, index in EpochSampler(images, shuffle, 1)]
    assert dealt == [order[i : i + 2] for i in range(0, images, 2)]


def test_a_split_without_groups_or_boxes_loads(tmp_path: Path) -> None:
    plain = replace(source(2), version="plain", read=lambda _: Sample(painted(20, 20), frozenset({0})))
    dataset = SplitDataset(cached(plain, 16, tmp_path, "plain"))
    assert len(collate([dataset[0], dataset[1]]).regions) == 0


def test_one_region_of_each_image_is_drawn_anew_in_each_epoch(tmp_path: Path) -> None:
    boxes = annotated(
        "boxes", [(label, np.array([10 * label, 8, 10 * label + 9, 30], np.float32)) for label in (0, 1, 2)]
    )
    several = replace(
        source(6, classes=("a", "b", "c")),
        version="several",
        read=lambda _: Sample(painted(96, 96), frozenset({0, 2}), boxes),
    )
    split = cached(several, SIZE, tmp_path, "several")
    drawn = SplitDataset(split, draw_one=True)
    everything = SplitDataset(split)
    found = [[drawn[epoch, i].regions for i in range(6)] for epoch in range(20)]
    labels = [[region.label for (region,) in epoch] for epoch in found]
    assert {label for epoch in labels for label in epoch} == {0, 2}  # class 1 has a box, but no label
    assert labels != [labels[0]] * 20
    masks = {each.label: each.mask for each in everything[0].regions}
    for (region,) in (epoch[0] for epoch in found):
        assert torch.equal(region.mask, masks[region.label])


@pytest.mark.parametrize("workers", [0, 1])
def test_some_images_of_each_batch_in_its_order(split: Split, workers: int):
    whole = loader(SplitDataset(split), 3, True, workers=workers, evaluation=True)
    expected = [batch.index[batch.index % 2 == 0].tolist() for batch in whole]
    found = list(some_of(whole, lambda index: index % 2 == 0))
    assert [batch.index.tolist() for batch in found] == [each for each in expected if each]
    every = list(some_of(whole, lambda index: index >= 0))
    assert all(equal(one, other) for one, other in zip(every, whole, strict=True))
    assert len(list(some_of(whole, lambda index: index == 5))) == 1


@pytest.mark.parametrize("kind", ["boxes", "masks", "random", "ignore"])
def test_a_region_of_a_class_that_the_image_has_not_counts_for_nothing(tmp_path: Path, kind: str) -> None:
    whole = source().read(0)
    ignored = annotated("ignore", [(label, np.array(BOX, np.float32)) for label in (0, 1)])
    both = tuple(replace(each, label=label) for each in whole.annotations for label in (0, 1)) + ignored
    samples = [replace(whole, annotations=both), replace(whole, annotations=both, labels=frozenset({0}))]
    samples.append(replace(whole, annotations=both, labels=frozenset()))
    split = cached(memory_source(samples), SIZE, tmp_path, "absent")
    for one in (False, True):
        dataset = SplitDataset(split, RegionSettings(kind), draw_one=one)
        batch = collate([dataset[index] for index in range(3)])
        assert batch.regions.pairs.image_index.tolist() == [0, 1]
        assert batch.regions.pairs.class_index.tolist() == [1, 0]
        assert batch.objects.pairs.class_index.tolist() == [1, 0]
        assert dataset.annotated.tolist() == [True, True, False]
    counts = "4 of the boxes and 4 of the ignore and 4 of the masks, in 3 of 3 images"
    assert split.remarks == (
        f"left out: {counts}, of a class that the image does not have: they guide nothing",
    )
