"""A score that somebody adds: one function and one line of the catalogue, and it is everywhere."""

import json

import pandas as pd
import pytest
import torch
from tests.attribution import tiny
from tests.metrics.test_evaluate import WHAT, batches, evaluated
from tests.report.folders import compared, scores, write_run
from torch import Tensor

from model_guidance.metrics.catalogue import SCORES, Score
from model_guidance.report.tables.classes import class_table
from model_guidance.report.tables.console import result_table
from model_guidance.report.tables.controls import last_epochs
from model_guidance.report.tables.overview import overview
from model_guidance.runs.result import Result, read_result, write_result


def peak(maps: Tensor, masks: Tensor) -> Tensor:
    """The pointing game: whether the largest value of each map lies in its mask."""
    return masks.flatten(1).gather(1, maps.flatten(1).argmax(dim=1, keepdim=True))[:, 0].double()


@pytest.fixture(autouse=True)
def added(monkeypatch):
    monkeypatch.setitem(
        SCORES, "peak", Score("peak", "pointing game", per_class=True, of_maps=True, measure=peak)
    )


def test_it_is_measured_written_read_and_printed(tmp_path):
    names = ("cat", "dog", "emu")
    found = evaluated(tiny.build("plain"), batches(), WHAT.__class__("ixg", "mid2", (), False, classes=names))
    assert 0 <= found.scores["peak"] <= 1
    assert all("peak" in found.classes[name] for name in names)
    write_result(tmp_path / "result.json", Result(1, 1, found, found))
    assert (
        json.loads((tmp_path / "result.json").read_text())["last"]["scores"]["peak"] == found.scores["peak"]
    )
    again = read_result(tmp_path / "result.json")
    assert again.last == found
    assert f"pointing game {100 * found.scores['peak']:.1f}" in " ".join(result_table({"x": found}).split())


def test_it_is_in_the_tables_of_a_report(tmp_path):
    row = scores(0.7, 0.3, peak=0.4, classes={"cat": {"peak": 0.25}})
    write_run(tmp_path / "base", [row])
    write_run(tmp_path / "guided", [{**row, "peak": 0.9}], lambda_=1.0)
    tested, models = compared(tmp_path)
    assert overview(models).text["pointing game"].tolist() == ["40.0", "90.0"]
    classes = class_table(last_epochs(tested, models), "resnet50", "ixg@final", "x")
    assert classes.text["pointing game, Energy"].tolist() == ["25.0"]
    overview(models).write(tmp_path)
    assert "pointing game mean" in pd.read_csv(tmp_path / "overview.csv")


def test_the_function_of_the_test_is_right():
    maps = torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]]])
    assert peak(maps, torch.tensor([[[False, True]]] * 2)).tolist() == [1, 0]
