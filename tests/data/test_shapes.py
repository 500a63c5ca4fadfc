"""The embedded data set: what it promises about bias, boxes, masks and seeds."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_guidance.data.readers.shapes import GROUPS, read
from model_guidance.data.shapes.figures import OUTLINES, PATTERNS, Figure, cover
from model_guidance.data.shapes.scenes import MULTI
from model_guidance.data.source import Sample, Source
from model_guidance.errors import UserError

SPLITS = ("train", "val", "test")
VARIANTS: list[dict[str, Any]] = [
    {"labels": labels, "background": background}
    for labels in ("single", "multi")
    for background in ("biased", "independent")
]


def samples(source: Source) -> list[Sample]:
    return [source.read(index) for index in range(len(source.names))]


def same(one: Sample, other: Sample) -> bool:
    return (
        np.array_equal(np.asarray(one.image), np.asarray(other.image))
        and (one.labels, one.group) == (other.labels, other.group)
        and all(
            np.array_equal(a, b) for (_, a), (_, b) in zip(one.of("boxes"), other.of("boxes"), strict=True)
        )
        and all(
            np.array_equal(a, b) for (_, a), (_, b) in zip(one.of("masks"), other.of("masks"), strict=True)
        )
    )


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_image_depends_on_neither_count_nor_thread(split: str, variant: dict[str, Any]) -> None:
    few, many = read(None, split, count=12, **variant), read(Path("unused"), split, count=40, **variant)
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(many.read, reversed(range(40))))[::-1]
    assert all(same(one, other) for one, other in zip(samples(few), drawn, strict=False))


def test_seeds_and_splits_differ() -> None:
    names = [set(read(None, split, count=3, seed=seed).names) for split in SPLITS for seed in (0, 1)]
    assert len(set.union(*names)) == 18
    images = [
        read(None, split, count=1, seed=seed).read(0).image.tobytes() for split in SPLITS for seed in (0, 1)
    ]
    assert len(set(images)) == len(images)


@pytest.mark.parametrize("size", [32, 64, 101])
@pytest.mark.parametrize("variant", VARIANTS)
def test_boxes_are_the_masks_bounds(size: int, variant: dict[str, Any]) -> None:
    for sample in samples(read(None, "train", count=30, size=size, **variant)):
        assert (sample.image.size, sample.image.mode) == ((size, size), "RGB")
        assert [label for label, _ in sample.of("boxes")] == [label for label, _ in sample.of("masks")]
        assert sample.labels == {label for label, _ in sample.of("boxes")}
        for (_, (x1, y1, x2, y2)), (_, mask) in zip(sample.of("boxes"), sample.of("masks"), strict=True):
            rows, columns = np.nonzero(mask)
            assert (x1, y1) == (columns.min(), rows.min())
            assert (x2, y2) == (columns.max() + 1, rows.max() + 1)


def eroded(mask: np.ndarray, times: int) -> np.ndarray:
    for axis, step in [(0, 1), (0, -1), (1, 1), (1, -1)] * times:
        mask = mask & np.roll(mask, step, axis)
    return mask


def test_the_mask_is_exactly_what_was_painted() -> None:
    biased = samples(read(None, "train", count=40))
    independent = samples(read(None, "train", count=40, background="independent"))
    changed = [(a, b) for a, b in zip(biased, independent, strict=True) if a.group != b.group]
    assert len(changed) == 20
    for one, other in changed:
        mask = one.of("masks")[0][1]
        assert np.array_equal(mask, other.of("masks")[0][1])
        differs = (np.asarray(one.image) != np.asarray(other.image)).any(axis=2)
        assert differs[~mask].mean() > 0.99  # another landscape
        assert not differs[eroded(mask, 2)].any()  # the same figure, but for its smooth edge


def test_training_and_validation_have_the_shortcut_and_the_test_split_has_not() -> None:
    for split in ("train", "val"):
        assert {sample.group for sample in samples(read(None, split, count=40))} == {0, 3}
    for split, background in [("test", "biased"), ("train", "independent"), ("val", "independent")]:
        groups = [sample.group for sample in samples(read(None, split, count=40, background=background))]
        assert np.bincount(groups).tolist() == [10, 10, 10, 10]


def test_groups_are_named_after_class_and_landscape() -> None:
    source = read(None, "test", count=8)
    assert (source.classes, source.groups, source.exclusive) == (("striped", "spotted"), GROUPS, True)
    assert GROUPS == ("striped on meadow", "striped on sea", "spotted on meadow", "spotted on sea")
    for sample in samples(source):
        assert sample.labels == {sample.group // 2}
        red, _, blue = np.asarray(sample.image)[~sample.of("masks")[0][1]].mean(axis=0)
        assert (blue > red) == (sample.group % 2 == 1)


def test_the_test_split_is_the_same_with_and_without_bias() -> None:
    biased, independent = (read(None, "test", count=8, background=b) for b in ("biased", "independent"))
    assert all(same(one, other) for one, other in zip(samples(biased), samples(independent), strict=True))
    assert biased.version != independent.version


def company(source: Source) -> tuple[float, np.ndarray]:
    """Return how often a class is seen with its partner, and the share of images with each class."""
    present = [sample.labels for sample in samples(source)]
    met = [label ^ 1 in labels for labels in present for label in labels]
    return float(np.mean(met)), np.array([np.mean([k in labels for labels in present]) for k in range(6)])


def test_company_is_biased_in_training_and_not_in_the_test_split() -> None:
    for split in ("train", "val"):
        often, shares = company(read(None, split, count=200, size=32, labels="multi"))
        assert often > 0.9
        assert (shares > 0.2).all()
    for split, background in [("test", "biased"), ("train", "independent")]:
        often, shares = company(read(None, split, count=200, size=32, labels="multi", background=background))
        assert often == pytest.approx(shares.mean(), abs=0.15)
        assert (shares > 0.2).all()


def test_several_figures_share_no_pixel_and_stay_visible() -> None:
    source = read(None, "test", count=200, labels="multi", size=32)
    assert (source.classes, source.groups, source.exclusive) == (tuple(k.name for k in MULTI), (), False)
    for sample in samples(source):
        masks = np.stack([mask for _, mask in sample.of("masks")])
        assert 1 <= len(masks) <= 4
        assert masks.sum(axis=0).max() == 1
        assert masks.sum(axis=(1, 2)).min() >= 8
        assert sample.group == -1


@pytest.mark.parametrize("outline", OUTLINES)
def test_an_outline_lies_within_its_radius(outline: str) -> None:
    share = OUTLINES[outline](np.linspace(-7, 7, 999, dtype=np.float32))
    assert share.min() > 0
    assert 0.99 < share.max() <= 1 + 1e-6


def test_a_disc_covers_its_area() -> None:
    white = np.ones(3, dtype=np.float32)
    for pattern in PATTERNS:
        disc = Figure("disc", pattern, 20.3, 30.8, 10, 0, 6, white, white)
        assert cover(disc, 64).sum() == pytest.approx(np.pi * 10**2, rel=0.01)


def test_the_default_counts() -> None:
    assert [len(read(None, split).names) for split in SPLITS] == [1000, 200, 400]
    assert len(read(None, "train", count=1).names) == 1


def test_the_version_names_every_option() -> None:
    base: dict[str, Any] = {"count": 5, "size": 32, "seed": 0, "background": "biased", "labels": "single"}
    other = {"count": 6, "size": 33, "seed": 1, "background": "independent", "labels": "multi"}
    versions = {read(None, "train", **base | {key: value}).version for key, value in other.items()}
    assert len(versions | {read(None, "train", **base).version, read(None, "val", **base).version}) == 7
    assert read(None, "train").files == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 0},
        {"count": 2.5},
        {"size": 31},
        {"seed": -1},
        {"background": "blue"},
        {"labels": "many"},
        {"split": "dev"},
    ],
)
def test_a_wrong_option_is_explained(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=rf"--(options\.)?{next(iter(wrong))} .*: must be "):
        read(None, **{"split": "train", **wrong})
