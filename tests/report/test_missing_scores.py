"""Pages about runs that lack something: boxes, groups, fronts, baselines, timing, versions."""

from typing import Any

import pytest
from tests.report.folders import Result, evaluation, scores, write_attribution, write_run

from model_guidance.errors import UserError
from model_guidance.report.page import write_report
from model_guidance.runs.result import read_result, write_result

pytestmark = pytest.mark.slow

BARE = {"f1": 0.7, "map": 0.72, "pairs": 0.0, "pairs_without_region": 9.0}
EXCLUSIVE = {"accuracy": 0.7, "pairs": 0.0, "pairs_without_region": 9.0}
GROUPED = {**EXCLUSIVE, "worst_group": 0.2, "groups": {"a": {"accuracy": 0.2}, "b": {"accuracy": 0.9}}}
FULL = scores(0.7, 0.3)


def page_of(tmp_path, **runs: tuple[dict[str, Any], dict[str, Any]]) -> str:
    for name, (row, settings) in runs.items():
        write_run(tmp_path / "runs" / name, [row, row], **settings)
    return write_report([tmp_path / "runs"], tmp_path / "out", "Page").page.read_text(encoding="utf-8")


@pytest.mark.parametrize("row", [BARE, EXCLUSIVE, GROUPED], ids=["several classes", "one class", "groups"])
@pytest.mark.parametrize("guided", [False, True])
def test_data_without_boxes_make_a_page_without_scores_of_maps(tmp_path, row, guided):
    runs = {"base": (row, {})} | ({"guided": (row, {"lambda_": 1.0})} if guided else {})
    text = page_of(tmp_path, **runs)
    assert "EPG</th>" not in text
    assert "70.0" in text


def test_only_some_runs_have_boxes(tmp_path):
    text = page_of(tmp_path, base=(BARE, {}), guided=(FULL, {"lambda_": 1.0}), more=(BARE, {"lambda_": 2.0}))
    assert "EPG" in text


def test_only_the_test_images_have_boxes(tmp_path):
    for name, settings in (("base", {}), ("guided", {"lambda_": 1.0})):
        write_run(tmp_path / "runs" / name, [FULL, FULL], [BARE, BARE], **settings)
    text = write_report([tmp_path / "runs"], tmp_path / "out", "Page").page.read_text()
    assert "30.0" in text


def test_a_second_look_without_boxes(tmp_path):
    write_run(tmp_path / "runs" / "base", [BARE])
    run = write_run(tmp_path / "runs" / "guided", [BARE], lambda_=1.0)
    write_attribution(run, "ixg@input", 0.5)
    text = write_report([tmp_path / "runs"], tmp_path / "out", "Page").page.read_text()
    assert "ixg@<wbr>input" in text


def test_without_a_baseline_front_timing_and_versions(tmp_path):
    run = write_run(tmp_path / "runs" / "guided", [FULL, FULL], lambda_=1.0)
    (run / "timing.json").unlink()
    last = evaluation(FULL)
    write_result(run / "result.json", Result(2, 1, last, last))
    text = write_report([tmp_path / "runs"], tmp_path / "out", "Page").page.read_text()
    assert "There is no baseline among these runs" in text
    assert read_result(run / "result.json").versions == ""


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"seconds_per_step": "x"}', "\xff"])
def test_a_damaged_timing_file_is_named(tmp_path, text):
    run = write_run(tmp_path / "runs" / "base", [FULL])
    (run / "timing.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"base.timing\.json"):
        write_report([tmp_path / "runs"], tmp_path / "out", "Page")
