"""Damaged data of every layout is read, or refused in one sentence; and the fuzzer sees what is not."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.data import fuzz

import model_guidance.data as data
from model_guidance.errors import UserError


@pytest.mark.parametrize("name", fuzz.LAYOUTS)
def test_the_undamaged_data_are_read_and_stored(name: str, tmp_path: Path) -> None:
    layout, root = fuzz.LAYOUTS[name], tmp_path / "data"
    fuzz.write(layout.files(), root)
    assert fuzz.fault(layout, root, tmp_path / "cache") == ""
    over = [root / layout.annotations] if layout.annotations else []
    source = data.open_source(layout.reader, root / layout.data, "train", annotations=over)
    read = [source.read(index).annotations for index in range(len(source.names))]
    assert {each.kind for annotations in read for each in annotations} == layout.kinds


@pytest.mark.parametrize("name", fuzz.LAYOUTS)
def test_damaged_data_are_read_or_refused(name: str) -> None:
    tally = fuzz.fuzz(name, 500, stored=10)
    assert not tally.faults, tally.seeds
    assert tally.fine > 50
    assert tally.refused > 100


def test_a_seed_shows_the_same_damage_again() -> None:
    first, second = (fuzz.mutated(fuzz.folder(), fuzz.random.Random(f"folder {seed}")) for seed in (3, 4))
    assert first == fuzz.mutated(fuzz.folder(), fuzz.random.Random("folder 3"))
    assert first != second


def _wrong(_: Path, split: str) -> data.Source:
    raise KeyError(split)


def _hanging(_: Path, split: str) -> data.Source:
    with contextlib.suppress(Exception):
        time.sleep(60)
    raise UserError(split)


def _verbose(_: Path, split: str) -> data.Source:
    raise UserError("a word " * 60)


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        (_wrong, "KeyError: \"'train'\""),
        (_hanging, "HangError"),
        (_verbose, "a UserError of 300 characters and more"),
    ],
)
def test_faults_are_seen(
    reader: Callable[..., data.Source], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(data.DATASETS, "folder", reader)
    fuzz.write(fuzz.folder(), tmp_path)
    assert said in (fuzz.fault(fuzz.LAYOUTS["folder"], tmp_path, None, limit=0.05) or "")
