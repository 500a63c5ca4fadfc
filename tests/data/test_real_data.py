"""The readers on the genuine releases: sizes, groups, and annotations that fit."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import model_guidance.data as data
from model_guidance.data.inspection import inspect
from model_guidance.data.source import Sample

Find = Callable[[str], Path]
WATERBIRDS = {
    ("train", "seen"): {0: 3694, 3: 1101},
    ("val", "seen"): {0: 461, 3: 139},
    ("val", "all"): {0: 461, 1: 460, 2: 139, 3: 139},
    ("test", "seen"): {0: 2255, 1: 2255, 2: 642, 3: 642},
}


@pytest.mark.parametrize(("split", "validation"), WATERBIRDS)
def test_waterbirds_groups(real_data: Find, split: str, validation: str) -> None:
    source = data.open_source("waterbirds", real_data("waterbirds"), split, validation=validation)
    rows = source.read.args[1]
    assert Counter(row.group for row in rows) == WATERBIRDS[split, validation]


@pytest.mark.parametrize("task", ["conventional", "reversed"])
def test_waterbirds_boxes_fit(real_data: Find, task: str) -> None:
    source = data.open_source("waterbirds", real_data("waterbirds"), "test", task=task)
    samples = [source.read(index) for index in range(0, len(source.names), 100)]
    assert all(consistent(sample) and len(sample.of("boxes")) == 1 for sample in samples)
    assert {label for sample in samples for label in sample.labels} == {0, 1}


@pytest.mark.parametrize(
    ("split", "images", "masked"), [("train", 500, 209), ("val", 250, 0), ("test", 500, 213)]
)
def test_voc_sizes(real_data: Find, split: str, images: int, masked: int) -> None:
    source = data.open_source("voc", real_data("voc"), split)
    found = [source.read(index) for index in range(0, images, 10)]
    assert len(source.names) == images
    assert len(source.classes) == 20
    with_mask = set((real_data("voc") / "VOC2007/SegmentationClass").glob("*.png"))
    assert sum(path.stem in set(source.names) for path in with_mask) == masked
    assert all(consistent(sample) for sample in found)


def test_voc_masks_lie_in_their_boxes(real_data: Find) -> None:
    source = data.open_source("voc", real_data("voc"), "train")
    share = [covered(sample) for sample in map(source.read, range(0, 500, 9)) if sample.of("masks")]
    assert np.mean(share) > 0.98


def test_coco_masks_lie_in_their_boxes_and_images_without_annotation_stay(real_data: Find) -> None:
    sources = [data.open_source("coco", real_data("coco"), split) for split in ("train", "val", "test")]
    assert [len(source.names) for source in sources] == [63, 7, 64]
    assert {len(source.classes) for source in sources} == {80}
    samples = [source.read(index) for source in sources for index in range(len(source.names))]
    assert sum(not sample.labels for sample in samples) == 3
    assert sum(len(sample.of("boxes")) for sample in samples) == 789 + 639
    assert all(consistent(sample) for sample in samples)
    assert np.mean([covered(sample) for sample in samples if sample.of("masks")]) > 0.99


def test_inspection_counts_the_whole_split(real_data: Find) -> None:
    found = inspect(data.open_source("coco", real_data("coco"), "test"))
    assert (found.total, found.objects["boxes"].total(), found.defects) == (64, 639, [])


def consistent(sample: Sample) -> bool:
    width, height = sample.image.size
    inside = all(
        (box >= 0).all() and (box <= [width, height, width, height]).all() for _, box in sample.of("boxes")
    )
    masks = all(mask.shape == (height, width) for _, mask in sample.of("masks"))
    return inside and masks and {label for label, _ in sample.of("boxes")} == sample.labels


def covered(sample: Sample) -> float:
    """The share of the mask pixels that the boxes of their class cover."""
    total = inside = 0
    for label, mask in sample.of("masks"):
        union = np.zeros_like(mask)
        for x1, y1, x2, y2 in (
            np.round(box).astype(int) for owner, box in sample.of("boxes") if owner == label
        ):
            union[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)] = True
        total, inside = total + int(mask.sum()), inside + int((mask & union).sum())
    return inside / total
