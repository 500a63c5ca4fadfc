"""Features on disk: the rows that were written, complete or absent, and in place of the images."""

import pickle

import numpy as np
import pytest
import torch

from model_guidance import UserError
from model_guidance.data import SplitDataset, open_split
from model_guidance.data.cache.features import INDEX, ROWS, cached_features
from model_guidance.data.loading import collate

ROW = (3, 2)


def rows(count: int, start: int = 0) -> np.ndarray:
    return np.arange(start, start + count * 6, dtype=np.float32).reshape(count, *ROW)


def written(home, parts, dtype=np.float16, count=4):
    return cached_features(home, ROW, np.dtype(dtype), count, lambda: parts)


def test_each_image_has_its_row_in_whatever_order_they_were_written(tmp_path):
    parts = [(np.array([5, 2]), rows(2)), (np.array([9]), rows(1, 12))]
    found = written(tmp_path / "split" / "features", parts)
    assert len(found) == 3
    for copy in (found, pickle.loads(pickle.dumps(found))):
        assert np.array_equal(np.stack([copy[5], copy[2], copy[9]]), rows(3))
        assert copy[2].dtype == np.float16
        for missing in (0, 4, 10):
            with pytest.raises(KeyError):
                copy[missing]


def test_they_are_written_once(tmp_path):
    written(tmp_path / "split" / "features", [(np.array([0]), rows(1))])

    def never():
        raise AssertionError("asked again")

    assert np.array_equal(
        cached_features(tmp_path / "split" / "features", ROW, np.dtype("f2"), 1, never)[0], rows(1)[0]
    )


@pytest.mark.parametrize("name", [ROWS, INDEX])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_what_is_damaged_is_written_anew(tmp_path, name, damage):
    home = tmp_path / "split" / "features"
    written(home, [(np.arange(4), rows(4))])
    if damage == "cut":
        (home / name).write_bytes((home / name).read_bytes()[:-8])
    else:
        (home / name).unlink()
    again = written(home, [(np.arange(4), rows(4, 100))])
    assert np.array_equal(again[3], rows(4, 100)[3])


def test_interrupted_nothing_is_left(tmp_path):
    def interrupted():
        yield np.arange(2), rows(2)
        raise KeyboardInterrupt

    (tmp_path / "split").mkdir()
    with pytest.raises(KeyboardInterrupt):
        cached_features(tmp_path / "split" / "features", ROW, np.dtype("f2"), 4, interrupted)
    assert [each.name for each in (tmp_path / "split").iterdir() if each.is_dir()] == []


def test_a_disk_that_is_too_small_is_said_before(tmp_path):
    with pytest.raises(
        UserError,
        match=r"need 12000000\.00 GB, .* GB are free: .* another folder, .* 16, fewer --views or a later",
    ):
        written(tmp_path / "split" / "features", [], count=10**15)


def test_features_too_large_for_half_precision_are_refused(tmp_path):
    with np.errstate(over="ignore"), pytest.raises(UserError, match="1e\\+05 are not finite in float16"):
        written(tmp_path / "split" / "features", [(np.arange(1), np.full((1, *ROW), 1e5, np.float32))])
    assert written(
        tmp_path / "other" / "features", [(np.arange(1), np.full((1, *ROW), 1e5, np.float32))], "f4"
    )


@pytest.fixture
def split(tmp_path):
    return open_split("shapes", None, "train", 32, tmp_path / "cache", {"count": 6})


def test_views_are_crops_that_the_epochs_take_in_turn(split):
    plain, two = (SplitDataset(split, augment=True, seed=3, views=views) for views in (None, 2))
    for epoch in range(4):
        assert torch.equal(two[epoch, 1].image, plain[epoch % 2, 1].image)
    assert not torch.equal(two[0, 1].image, two[1, 1].image)


def test_features_stand_in_for_the_images_of_their_view(split, tmp_path):
    stored = [
        written(split.folder / f"features-{view}", [(np.arange(6), rows(6, 100 * view))], count=6)
        for view in range(2)
    ]
    images, features = (
        SplitDataset(split, augment=True, seed=3, views=2, draw_one=True, features=each)
        for each in ((), stored)
    )
    for epoch in range(3):
        expected, found = images[epoch, 4], features[epoch, 4]
        assert np.array_equal(found.image, rows(6, 100 * (epoch % 2))[4])
        assert [each.label for each in found.regions] == [each.label for each in expected.regions]
        assert all(torch.equal(a.mask, b.mask) for a, b in zip(found.regions, expected.regions, strict=True))
    batch = collate([features[0, 0], features[0, 1]])
    assert batch.images.shape == (2, *ROW)
    assert batch.regions.masks.shape[1:] == (32, 32)
