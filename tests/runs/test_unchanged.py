"""Splits that are drawn anew once photos were added: nobody tests on what was in another split."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.training.helpers import interrupt, small

from model_guidance.annotate.photos import Photos
from model_guidance.cli import main
from model_guidance.errors import UserError
from model_guidance.finding.observations import Observer
from model_guidance.report.explain import Choice, explained
from model_guidance.runs.evaluate import evaluate_run
from model_guidance.runs.folder import SPLITS, Run, read_splits, write_splits
from model_guidance.runs.train import train_run
from model_guidance.runs.unchanged import check_splits
from model_guidance.training.config import Config

KNOWN = {"train": ["a", "b,\n", "c"], "val": ["d"], "test": ["e", "f\udce9"]}


@pytest.mark.parametrize(
    ("found", "exactly", "said"),
    [
        (KNOWN, True, None),
        ({"test": KNOWN["test"]}, True, None),
        ({"test": ["e"]}, False, None),
        ({"test": ["e", "new"]}, False, None),
        ({"test": ["e", "new"]}, True, "the images of test are not .*: 1 is new, 1 is gone; take away"),
        (
            {"val": ["d"], "test": ["e", "a", "b,\n"]},
            False,
            "of val and test .*: 2 are in another split, 1 is",
        ),
    ],
)
def test_what_has_changed_is_counted(found, exactly, said, tmp_path: Path):
    write_splits(tmp_path, KNOWN)
    assert read_splits(tmp_path) == {name: split for split, names in KNOWN.items() for name in names}
    if said is None:
        check_splits("folder", found, tmp_path, exactly=exactly)
        return
    with pytest.raises(UserError, match=said):
        check_splits("folder", found, tmp_path, exactly=exactly)


@pytest.mark.parametrize("text", ["", "file\n", "file,split\na\n", 'file,split\n"a'])
def test_a_damaged_list_is_said(text: str, tmp_path: Path):
    (tmp_path / SPLITS).write_text(text)
    with pytest.raises(UserError, match=f"{SPLITS}: damaged"):
        read_splits(tmp_path)


def photos(root: Path, numbers: range) -> None:
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True, exist_ok=True)
        for number in numbers:
            pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(root / label / f"{number}.png")


@pytest.mark.slow
def test_photos_that_were_added_are_refused_by_all_who_open_the_data_of_a_run(tmp_path: Path, capsys):
    root = tmp_path / "photos"
    photos(root, range(14))
    settings = {"data": "folder", "root": str(root), "options": {}, "backbone": "small", "lambda_": 0.0}
    config: Config = small(tmp_path / "cache", **settings, annotated=1.0, epochs=1)
    train_run(config, tmp_path / "done")
    interrupt(small(tmp_path / "cache", **settings, annotated=1.0, epochs=2), tmp_path / "done", step=2)
    listed = (tmp_path / "done" / SPLITS).read_bytes()
    photos(root, range(14, 20))
    run = Run.open(tmp_path / "done")
    with pytest.raises(UserError, match="images of train and val and test .* in another split, 12 are new"):
        train_run(run.config, run.folder)
    assert (run.folder / SPLITS).read_bytes() == listed
    for opened in (
        lambda: evaluate_run(run, "best", "test", None, None),
        lambda: Observer.of(run, "train"),
        lambda: [Photos.of(run, name) for name in ("train", "val", "test")],
        lambda: explained([run], Choice(split="test", count=1)),
    ):
        with pytest.raises(UserError, match=r"splits.csv: \d+ (is|are) in another split"):
            opened()
    with pytest.raises(SystemExit):
        main(["train", "--from", str(run.folder), "--epochs=1", "--workers=0", f"--out={tmp_path / 'next'}"])
    assert "are in another split" in capsys.readouterr().err
    assert not (tmp_path / "next").exists()
