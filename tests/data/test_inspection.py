"""Checking a data set goes on after a defect, and shows what was read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from tests.data.samples import memory_source, painted

from model_guidance.data.inspection import inspect
from model_guidance.data.source import Sample, Source, annotated
from model_guidance.errors import UserError
from model_guidance.report.figures.data_sheet import data_sheet


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
        2,
        {"h": 2},
    )
    assert found.remarks == ["was cut."] * 2
    assert found.defects == [f"image {index} is broken." for index in (3, 4, 5)]


def test_the_sheet_is_a_png_with_the_readable_images(tmp_path: Path) -> None:
    data_sheet(source(), tmp_path / "sheet.png", count=6)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert len(np.unique(np.asarray(sheet.convert("L")))) > 20


def test_a_sheet_of_nothing_readable_is_still_drawn(tmp_path: Path) -> None:
    broken = replace(source(), names=["x"], read=lambda _: source().read(5))
    data_sheet(broken, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 0
