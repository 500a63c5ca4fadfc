"""The cache is complete or absent, follows its source, and keeps every annotation."""

import errno
import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from tests.data.samples import memory_source, painted
from tests.permissions import unprivileged

from model_guidance.data.annotations.boxes import widen
from model_guidance.data.annotations.masks import resize_mask
from model_guidance.data.cache.cached import cached
from model_guidance.data.cache.lease import unused
from model_guidance.data.cache.split import Split
from model_guidance.data.source import Sample, Source, annotated
from model_guidance.errors import UserError

CONTENTS = {"images.bin", "boxes.bin", "masks.bin", "tables.npz", "names.json", "meta.json"}


def samples(count: int = 5) -> list[Sample]:
    mask = np.zeros((30, 40), bool)
    mask[3, 5] = True
    box = np.array([10, 6, 20, 12], np.float32)
    return [
        Sample(
            painted(40, 30, (i, 0, i + 1, 30)),
            frozenset({i % 2}),
            annotated("boxes", [(i % 2, box)] * i) + annotated("masks", [(i % 2, mask)] * (i % 3)),
            i,
        )
        for i in range(count)
    ]


def copies(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def content(folder: Path) -> dict[str, bytes]:
    (copy,) = copies(folder)
    return {path.name: path.read_bytes() for path in copy.iterdir()}


def test_a_split_holds_what_its_source_holds(tmp_path: Path) -> None:
    source = memory_source(samples(), groups=tuple("vwxyz"), exclusive=True)
    split = cached(source, 16, tmp_path, "five train")
    assert (len(split), split.classes, split.groups, split.exclusive, split.outside) == (
        5, ("a", "b"), tuple("vwxyz"), True, False,
    )  # fmt: skip
    assert split.names == source.names
    assert split.labels.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]]
    assert split.group.tolist() == [0, 1, 2, 3, 4]
    assert split.has("boxes").tolist() == [False, True, True, True, True]
    assert split.has("masks").tolist() == [False, True, True, False, True]
    for index, sample in enumerate(samples()):
        expected = np.asarray(sample.image.resize((16, 16), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(split.image(index), expected)
        classes, edges = split.annotations("boxes", index)
        assert classes.tolist() == [index % 2] * index
        np.testing.assert_allclose(edges, np.tile([4, 3.2, 8, 6.4], (index, 1)), rtol=1e-6)
        assert edges.dtype == np.float32
        owners, masks = split.annotations("masks", index)
        assert owners.tolist() == [index % 2] * (index % 3)
        assert masks.shape == (index % 3, 16, 16)
        assert masks.any(axis=(1, 2)).all()


def test_a_copy_is_complete_and_alone(tmp_path: Path) -> None:
    cached(memory_source(samples()), 16, tmp_path, "five train")
    assert set(content(tmp_path)) == CONTENTS


def test_images_are_fresh_writable_arrays(tmp_path: Path) -> None:
    split = cached(memory_source(samples()), 16, tmp_path, "x")
    split.image(1)[:] = 7
    assert (split.image(1) != 7).any()


def test_a_pickled_split_is_a_path(tmp_path: Path) -> None:
    split = cached(memory_source(samples(50)), 16, tmp_path, "x")
    sent = pickle.dumps(split)
    assert len(sent) < 500
    np.testing.assert_array_equal(pickle.loads(sent).image(7), split.image(7))


def test_a_second_call_reads_nothing(tmp_path: Path) -> None:
    source = memory_source(samples())
    cached(source, 16, tmp_path, "x")

    def fail(index: int) -> Sample:
        raise AssertionError(index)

    assert len(cached(replace(source, read=fail), 16, tmp_path, "x")) == 5


def test_a_change_rebuilds_and_removes_the_stale_copy(tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    (watched / "deep").mkdir(parents=True)
    file = watched / "deep" / "file"
    file.write_text("a")
    cache = tmp_path / "cache"
    source = memory_source(samples(), files=(watched,))
    cached(source, 16, cache, "x")
    (first,) = copies(cache)
    cached(source, 16, cache, "x")
    assert copies(cache) == [first]
    os.utime(file, ns=(1, 1))
    cached(source, 16, cache, "x")
    (second,) = copies(cache)
    assert second != first
    (watched / "new").write_text("")
    cached(source, 16, cache, "x")
    (third,) = copies(cache)
    assert third not in {first, second}


def test_other_sizes_options_classes_and_titles_live_side_by_side(tmp_path: Path) -> None:
    source = memory_source(samples())
    for one, size, title in (
        (source, 16, "x"),
        (source, 17, "x"),
        (source, 16, "y"),
        (replace(source, version="2"), 16, "x"),
        (replace(source, classes=("a", "c")), 16, "x"),
    ):
        assert cached(one, size, tmp_path, title).size == (size, size)
    assert len(copies(tmp_path)) == 5


def test_a_half_written_folder_is_never_trusted(tmp_path: Path) -> None:
    cached(memory_source(samples()), 16, tmp_path / "clean", "x")
    (good,) = copies(tmp_path / "clean")
    partial = tmp_path / "cache" / f"{good.name.rsplit('-', 1)[0]}.partial"
    partial.mkdir(parents=True)
    (partial / "images.bin").write_bytes(b"rubbish")
    cached(memory_source(samples()), 16, tmp_path / "cache", "x")
    assert content(tmp_path / "cache") == content(tmp_path / "clean")


def test_a_defective_image_leaves_nothing_behind(tmp_path: Path) -> None:
    def read(index: int) -> Sample:
        if index == 3:
            raise UserError("image 3 is broken.")
        return samples()[index]

    with pytest.raises(UserError, match="image 3 is broken"):
        cached(replace(memory_source(samples()), read=read), 16, tmp_path, "x")
    assert copies(tmp_path) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("model_guidance.data.cache.writing.os.fsync", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\); free some space"):
        cached(memory_source(samples()), 16, tmp_path, "x")
    assert copies(tmp_path) == []


def test_a_cache_below_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be written \(Not a directory\)"):
        cached(memory_source(samples()), 16, tmp_path / "file" / "cache", "x")


@pytest.mark.parametrize("file", ["images.bin", "boxes.bin", "meta.json", "tables.npz"])
def test_a_copy_that_may_not_be_read_is_built_anew(tmp_path: Path, file: str) -> None:
    cached(memory_source(samples()), 16, tmp_path, "x")
    (copy,) = copies(tmp_path)
    (copy / file).chmod(0)
    split = unprivileged(lambda: cached(memory_source(samples()), 16, tmp_path, "x"))
    assert split.image(4).shape == (16, 16, 3)
    assert copies(tmp_path) == [copy]


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o555])
def test_a_cache_that_may_not_be_written_to_is_one_sentence(tmp_path: Path, mode: int) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(mode)
    for folder in (tmp_path / "cache", tmp_path / "cache" / "below"):
        with pytest.raises(UserError, match=rf"^--cache {folder}: cannot be written \(Permission denied\)"):
            unprivileged(lambda folder=folder: cached(memory_source(samples()), 16, folder, "x"))


def test_the_lock_of_another_user_stays(tmp_path: Path) -> None:
    cached(memory_source(samples()), 16, tmp_path, "x")
    (copy,), (lock,) = copies(tmp_path), tmp_path.glob("*.lock")
    (copy / "meta.json").unlink()
    lock.chmod(0)
    with pytest.raises(UserError, match=r"cannot be written \(Permission denied\)"):
        unprivileged(lambda: cached(memory_source(samples()), 16, tmp_path, "x"))
    assert lock.exists()


def test_many_at_once_build_once(tmp_path: Path) -> None:
    reads: list[int] = []

    def read(index: int) -> Sample:
        reads.append(index)
        time.sleep(0.01)
        return samples()[index]

    source = replace(memory_source(samples()), read=read)
    with ThreadPoolExecutor(4) as pool:
        splits = list(pool.map(lambda _: cached(source, 16, tmp_path, "x"), range(4)))
    assert sorted(reads) == [0, 1, 2, 3, 4]
    assert {split.folder for split in splits} == {copies(tmp_path)[0]}


def slow_source(pause: float) -> Source:
    """The source of `test_killed_...`, in this process and in the one that is killed."""
    full = samples(40)

    def read(index: int) -> Sample:
        time.sleep(pause)
        return full[index]

    return replace(memory_source(full), read=read)


@pytest.mark.slow
def test_killed_in_the_middle_then_the_same_bytes(tmp_path: Path) -> None:
    code = "from tests.data.test_cache import *; cached(slow_source(0.2), 64, Path(sys.argv[1]), 'x')"
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "cache")], cwd=root)
    try:
        deadline = time.monotonic() + 240
        while not any(path.stat().st_size for path in tmp_path.glob("cache/*.partial/images.bin")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    assert [path.suffix for path in copies(tmp_path / "cache")] == [".partial"]
    cached(slow_source(0), 64, tmp_path / "cache", "x")
    cached(slow_source(0), 64, tmp_path / "clean", "x")
    assert content(tmp_path / "cache") == content(tmp_path / "clean")


def test_reading_does_not_gather_memory(tmp_path: Path) -> None:
    """20 MB of images pass through; the process does not grow by as much."""
    split = cached(memory_source(samples(5) * 85), 128, tmp_path, "x")

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    split.image(0)
    before = resident()
    for index in range(len(split)):
        split.image(index)
    assert resident() - before < 5e6


@given(st.integers(1, 60), st.integers(1, 60), st.integers(8, 40), st.data())
def test_no_mask_becomes_empty(height: int, width: int, size: int, data: st.DataObject) -> None:
    mask = np.zeros((height, width), bool)
    mask[data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))] = True
    assert 0 < resize_mask(mask, (size, size)).sum() < size**2 or mask.all()


@given(st.lists(st.floats(0, 20, width=32), min_size=4, max_size=4))
def test_thin_boxes_become_a_pixel_wide_inside(edges: list[float]) -> None:
    low, high = np.sort(np.reshape(np.array(edges, np.float32), (2, 2)), axis=0)
    box = widen(np.concatenate([low, high]), np.array([0, 0, 20, 20], np.float32))
    assert (box[2:] - box[:2] >= 1 - 1e-5).all()
    assert box.min() >= 0
    assert box.max() <= 20
    wide = high - low >= 1
    np.testing.assert_array_equal(box[:2][wide], low[wide])
    assert (np.abs((box[:2] + box[2:]) / 2 - (low + high) / 2) <= 0.5 + 1e-5).all()


def test_a_split_is_opened_by_its_folder(tmp_path: Path) -> None:
    split = cached(memory_source(samples()), 16, tmp_path, "x")
    assert Split.open(split.folder).classes == ("a", "b")


@given(arrays(bool, (12, 18)))
def test_a_mask_pixel_is_the_majority_of_its_area(mask: np.ndarray) -> None:
    square = mask.repeat(3, 0).repeat(2, 1)  # 36 x 36: six by six pixels for each of six by six
    share = square.reshape(6, 6, 6, 6).mean(axis=(1, 3))
    np.testing.assert_array_equal(resize_mask(square, (6, 6)), share >= min(0.5, share.max()) - 1e-9)


# --- several runs on one copy ---


def on_disk(root: Path, name: str = "one.png") -> Source:
    """A source of one file below `root`, as a reader names it."""
    root.mkdir(parents=True, exist_ok=True)
    if not (root / name).exists():
        (root / name).write_bytes(b"1")
    return memory_source(samples(), files=(root / name,), root=root)


def test_another_spelling_of_the_root_and_files_that_are_not_read_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cached(on_disk(tmp_path / "data"), 16, tmp_path / "cache", "x")
    (tmp_path / "data/.DS_Store").write_text("x")
    (tmp_path / "link").symlink_to("data")
    monkeypatch.chdir(tmp_path)
    for root in (Path("data"), Path("./data/../data"), tmp_path / "link"):
        assert cached(on_disk(root), 16, tmp_path / "cache", "x").folder == first.folder


def test_a_copy_that_is_read_stays_when_the_data_change(tmp_path: Path) -> None:
    source = on_disk(tmp_path / "data")
    first = cached(source, 16, tmp_path / "cache", "x")
    before = first.image(1)
    os.utime(tmp_path / "data/one.png", ns=(1, 1))
    second = cached(source, 16, tmp_path / "cache", "x")
    assert second.folder != first.folder
    np.testing.assert_array_equal(first.image(1), before)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).image(1), before)  # another worker
    gone = first.folder
    del first
    os.utime(tmp_path / "data/one.png", ns=(2, 2))
    cached(source, 16, tmp_path / "cache", "x")
    assert not gone.exists()


def test_a_lease_ends_with_its_process(tmp_path: Path) -> None:
    folder = cached(memory_source(samples()), 16, tmp_path, "x").folder
    code = "import sys; from pathlib import Path; from model_guidance.data.cache.lease import Lease; "
    code += "kept = Lease(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    holder.stdout.readline()
    assert not unused(folder)
    holder.kill()
    holder.wait()
    assert unused(folder)


@pytest.mark.parametrize("name", sorted(CONTENTS))
@pytest.mark.parametrize("damage", ["cut", "gone", "empty", "a folder"])
def test_a_damaged_copy_is_built_anew(tmp_path: Path, name: str, damage: str) -> None:
    cached(memory_source(samples()), 16, tmp_path, "x")
    (copy,) = copies(tmp_path)
    good = content(tmp_path)
    file = copy / name
    file.unlink()
    if damage == "cut":
        file.write_bytes(good[name][:-7])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "a folder":
        file.mkdir()
    assert len(cached(memory_source(samples()), 16, tmp_path, "x")) == 5
    assert content(tmp_path) == good


def test_what_a_kill_leaves_is_cleared(tmp_path: Path) -> None:
    clean = cached(memory_source(samples()), 16, tmp_path, "x").folder
    clean.rename(clean.with_name(f"{clean.name}.removed"))  # killed while it removed a copy
    (tmp_path / f"{clean.name.rsplit('-', 1)[0]}.partial").mkdir()  # and another while it built one
    cached(memory_source(samples()), 16, tmp_path, "x")
    assert [path.name for path in copies(tmp_path)] == [clean.name]
