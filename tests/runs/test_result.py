"""What a run folder says of its scores: written and read back, those of 0.1 too, and damaged ones."""

import json
from pathlib import Path

import pytest

from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation, Reliance
from model_guidance.report.read.results import read_results
from model_guidance.runs.folder import Run
from model_guidance.runs.result import (
    Result,
    read_evaluations,
    read_result,
    write_evaluations,
    write_result,
)

OLD = Path(__file__).parent / "written_by_0_1"
FULL = Evaluation(
    8,
    {"accuracy": 0.75, "epg": 0.5, "pairs": 8.0},
    {"a: b": {"accuracy": 0.5, "images": 4.0}},
    {"class: c": {"accuracy": 1.0}},
    Reliance(8, 0.75, {"mean": 0.5}, {"mean": 0.25}),
)


def test_what_was_written_is_read(tmp_path):
    result = Result(3, 2, FULL, Evaluation(8, {"accuracy": 0.5}), {2: FULL}, "model-guidance 0.2")
    write_result(tmp_path / "result.json", result)
    assert read_result(tmp_path / "result.json") == result
    write_evaluations(tmp_path / "ixg@input.json", {"last": FULL})
    assert read_evaluations(tmp_path / "ixg@input.json") == {"last": FULL}
    assert read_result(tmp_path / "none.json") is None


def test_scores_are_nested_and_no_name_says_two_things(tmp_path):
    write_result(tmp_path / "result.json", Result(3, 2, FULL, FULL))
    last = json.loads((tmp_path / "result.json").read_text())["last"]
    assert last["scores"].keys() == {"accuracy", "epg", "pairs"}
    assert last["groups"] == {"a: b": {"accuracy": 0.5, "images": 4.0}}
    assert last["classes"] == {"class: c": {"accuracy": 1.0}}
    assert last["reliance"]["outside"] == {"mean": 0.5}


def test_a_run_of_0_1_is_read():
    flat = json.loads((OLD / "input" / "result.json").read_text())["last"]
    last = Run.open(OLD / "input").result.last
    for name in ("accuracy", "worst_group", "epg", "iou", "iou_threshold", "on_object_epg", "pairs"):
        assert last.scores[name] == flat[name]
    for name, group in last.groups.items():
        assert group == {"accuracy": flat[f"group: {name}"]}
    assert len(last.groups) == 4
    for name in ("striped", "spotted"):
        assert last.classes[name] == {
            key: flat[f"class: {name}: {key}"] for key in ("accuracy", "epg", "iou")
        }
    assert last.reliance.intact == flat["intact"]
    for filler in ("mean", "blur", "swap"):
        assert last.reliance.outside[filler] == flat[f"outside: {filler}"]
        assert last.reliance.inside[filler] == flat[f"inside: {filler}"]
    named = set(last.scores) | {"intact"}
    assert {key for key in flat if ": " not in key} == named, "nothing is lost"


def test_a_comparison_of_runs_of_0_1():
    tested = read_results([OLD]).tested
    assert set(tested.query("own")["run"]) == {"input", "guided"}
    other = tested.query("not own").set_index("run")
    for run, explainer in (("input", "gradcam@final"), ("guided", "ixg@input")):
        scores = json.loads((OLD / run / "looks" / f"{explainer}.json").read_text())["last"]
        assert other.loc[run, ["explainer", "epg", "iou"]].tolist() == [
            explainer,
            scores["epg"],
            scores["iou"],
        ]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "3",
        '{"epochs": 3}',
        '{"epochs": 3, "best_epoch": 1, "best": 1, "last": {}}',
        '{"epochs": 1, "best_epoch": 1, "best": {"pairs": "x"}, "last": {"pairs": 1}}',
        '{"epochs": 1, "best_epoch": 1, "best": {"pairs": 1, "intact": []}, "last": {"pairs": 1}}',
        '{"epochs": 1, "best_epoch": 1, "best": {"images": 1, "scores": []}, "last": {"pairs": 1}}',
        "[" * 100_000,
    ],
)
def test_damaged_files_are_named(tmp_path, text):
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(UserError, match=r"result\.json: this is damaged"):
        read_result(tmp_path / "result.json")


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "result.json").mkdir()
    with pytest.raises(UserError, match=r"result\.json"):
        read_result(tmp_path / "result.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(UserError, match=r"bytes\.json"):
        read_evaluations(tmp_path / "bytes.json")
