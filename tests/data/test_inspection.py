"""Checking a data set goes on after a defect, and shows what was read."""

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data.samples import memory_source, painted

from model_guidance import cli
from model_guidance.commands import check_data as command
from model_guidance.commands.check_data import check_data, unmeasured
from model_guidance.data.composites import CROP, FILLERS, check_settings
from model_guidance.data.inspection import inspect
from model_guidance.data.source import Sample, Source, annotated, by_remark
from model_guidance.errors import UserError
from model_guidance.report.figures.data_sheet import data_sheet, spread


def source() -> Source:
    box = np.array([4, 4, 20, 20], np.float32)
    mask = np.zeros((30, 40), bool)
    mask[6:18, 6:18] = True
    good = Sample(
        painted(40, 30),
        frozenset({0}),
        annotated("boxes", [(0, box)] * 2) + annotated("masks", [(0, mask)]),
        1,
        ("was cut.",),
    )
    none = Sample(painted(30, 50), frozenset())
    samples = [good, none, good]

    def read(index: int) -> Sample:
        if index >= len(samples):
            raise UserError(f"image {index} is broken.")
        return samples[index]

    return replace(memory_source(samples * 2, groups=("g", "h")), read=read)


def test_inspection_collects_counts_remarks_and_defects() -> None:
    found = inspect(source())
    assert (found.total, found.unlabelled) == (6, 1)
    assert (found.images, found.objects, found.annotated, found.groups) == (
        {"a": 2},
        {"boxes": {"a": 4}, "masks": {"a": 2}},
        [0, 2],
        {"h": 2},
    )
    assert found.remarks == ["was cut."] * 2
    assert found.defects == [f"image {index} is broken." for index in (3, 4, 5)]


def test_the_sheet_is_a_png_with_the_readable_images(tmp_path: Path) -> None:
    data_sheet(source(), count=6).savefig(tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert len(np.unique(np.asarray(sheet.convert("L")))) > 20


def test_a_sheet_of_nothing_readable_is_still_drawn(tmp_path: Path) -> None:
    broken = replace(source(), names=["x"], read=lambda _: source().read(5))
    data_sheet(broken).savefig(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 0


def test_the_sheet_prefers_what_is_annotated() -> None:
    assert spread(1000, list(range(0, 1000, 40)), 16) == [40 * i for i in spread(25, range(25), 16)]
    few = spread(1000, [7, 500], 16)
    assert {7, 500} <= set(few)
    assert len(set(few)) == 16
    assert spread(3, [], 16) == [0, 1, 2]


@pytest.mark.parametrize(
    ("annotated", "said"),
    [
        ((25, 0, 0), "val and test: no annotated image, so EPG and IoU cannot be measured there"),
        ((25, 30, 0), "test: no annotated image"),
        ((0, 25, 25), "train has no annotated image: nothing to guide with"),
        ((0, 0, 0), "only a baseline can be trained"),
        ((25, 3, 25), r"val \(3\): few annotated images"),
        ((25, 25, 25), None),
    ],
)
def test_what_cannot_be_measured_is_said(annotated: tuple[int, int, int], said: str | None) -> None:
    sentences = unmeasured(dict(zip(("train", "val", "test"), annotated, strict=True)))
    assert [bool(re.search(said, sentence)) for sentence in sentences] == [True] if said else not sentences


def test_names_are_shown_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Brackets, dollars and bytes that are no text, in names of classes and files."""
    for split in ("train", "val", "test"):
        for name in (b"n [b", b"car [red]", b"caf\xe9"):
            folder = tmp_path / "data" / split / os.fsdecode(name)
            folder.mkdir(parents=True)
            painted(40, 30).save(folder / "price_$5_and_$_1.png")
    assert check_data("folder", str(tmp_path / "data"), {}, tmp_path / "out")
    printed = capsys.readouterr().out
    assert all(
        name in printed for name in ("n [b", "car [red]", "caf\\xe9", "only a baseline can be trained")
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"train.png", "val.png", "test.png"}


def test_an_output_folder_that_cannot_be_made_is_said_first(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match=r"--out .*out is no folder"):
        check_data("shapes", None, {"count": 2}, tmp_path / "out")


def test_composites_are_drawn_as_training_would_have_them(tmp_path: Path) -> None:
    for replaced in ("outside", "both"):
        assert check_data("shapes", None, {"count": 12}, tmp_path, ("swap", replaced, "boxes"))
        with Image.open(tmp_path / "composites.png") as sheet:
            assert sheet.format == "PNG"
            assert len(np.unique(np.asarray(sheet.convert("L")))) > 100


@pytest.mark.parametrize("filler", [*FILLERS, CROP])
def test_every_filler_is_drawn_without_more_options(filler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str, str, str]] = []
    monkeypatch.setattr(command, "check_data", lambda *every: given.append(every[4]) or True)
    cli.main(["check-data", "--data=shapes", f"--composites={filler}"])
    ((drawn, replaced, regions),) = given
    assert (drawn, regions) == (filler, "boxes")
    check_settings(drawn, replaced)


@pytest.mark.parametrize("option", ["--replaced", "--regions"])
def test_what_only_composites_use_is_refused_without_them(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["check-data", "--data=shapes", f"--out={tmp_path}", f"{option}=nonsense"])
    assert f"{option} nonsense: no composites are drawn without --composites" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("composed", "message"),
    [
        (("grey", "both", "boxes"), "^--composites grey: choose one of"),
        (("crop", "both", "boxes"), "^--composites crop shows .*: leave out --replaced both"),
        (("swap", "all", "boxes"), "^--replaced all: choose one of"),
        (("swap", "both", "box"), "^--regions box: must be one of"),
    ],
)
def test_what_cannot_be_drawn_is_said_first(tmp_path: Path, composed: tuple[str, str, str], message: str):
    with pytest.raises(UserError, match=message):
        check_data("shapes", None, {"count": 12}, tmp_path, composed)
    assert list(tmp_path.iterdir()) == []


def test_composites_of_data_without_a_region_are_refused(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        folder = tmp_path / "data" / split / "cat"
        folder.mkdir(parents=True)
        painted(40, 30).save(folder / "1.png")
    with pytest.raises(UserError, match="^--composites: there is nothing to compose, none of the 1 training"):
        check_data("folder", str(tmp_path / "data"), {}, tmp_path / "out", ("swap", "both", "boxes"))


def test_what_is_said_of_all_splits_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for number in range(20):
        path = tmp_path / "data" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        painted(40, 30).save(path)
    check_data("folder", str(tmp_path / "data"), {}, tmp_path / "out")
    assert capsys.readouterr().out.count("drawn from train") == 1
    assert by_remark({"train": ["x", "y", "x"], "val": ["y"]}) == {"x": ["train"], "y": ["train", "val"]}
