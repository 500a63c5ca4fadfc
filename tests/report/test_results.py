"""Reading run folders: every number at its place, and a clear sentence for whatever is wrong."""

import json

import pytest
from tests.report.folders import scores, write_attribution, write_comparison, write_run

from model_guidance.errors import UserError
from model_guidance.report.read.results import read_results


@pytest.fixture
def run(tmp_path):
    test = [scores(0.7, 0.3), scores(0.8, 0.4), scores(0.6, 0.5)]
    validation = [scores(0.71, 0.31), scores(0.81, 0.41), scores(0.61, 0.51)]
    return write_run(tmp_path / "runs" / "one", test, validation, lambda_=2.0, seed=3, annotation_seed=4)


def test_each_checkpoint_has_its_validation_and_test_scores(run):
    tested = read_results([run]).tested.set_index("kind")
    assert tested.loc[["front"], "epoch"].tolist() == [1, 2, 3]
    assert tested.loc[["front"], "val f1"].tolist() == [0.71, 0.81, 0.61]
    assert tested.loc["best", ["epoch", "f1", "val f1", "val epg"]].tolist() == [2, 0.8, 0.81, 0.41]
    assert tested.loc["last", ["epoch", "f1", "epg"]].tolist() == [3, 0.6, 0.5]
    assert tested.loc["best", ["run", "role", "explainer", "replicate", "lambda"]].tolist() == [
        "one",
        "guided",
        "ixg@final",
        "3/4",
        2.0,
    ]


def test_a_second_look_changes_the_maps_scores_only(run):
    write_attribution(run, "gradcam@final", 0.9)
    looked = read_results([run]).tested.query("not own").set_index("kind")
    assert looked.loc["best", ["explainer", "f1", "epg", "iou"]].tolist() == ["gradcam@final", 0.8, 0.9, 0.45]
    assert looked.loc["best":"best", "val epg"].isna().all()


def test_epochs_hold_the_loss_as_a_number_and_the_lambda_in_force(tmp_path):
    rows = [scores(0.7, 0.3, **{"lambda": 0.5}), scores(0.7, 0.4, **{"lambda": 0.7})]
    epochs = read_results([write_run(tmp_path / "one", rows, target_epg=0.8)]).epochs
    assert epochs["loss"].tolist() == [1.0, 0.5]
    assert epochs["lambda"].tolist() == [0.5, 0.7]
    assert epochs["localization loss"].tolist() == ["energy", "energy"]


def test_runs_are_found_in_any_folder_and_only_once(tmp_path):
    write_comparison(tmp_path / "all")
    results = read_results([tmp_path, tmp_path / "all" / "baseline-0"])
    assert len(results.runs) == 12
    assert "baseline-0" in results.runs


def test_an_older_run_without_front_looks_and_examples_is_read(run):
    result = json.loads((run / "result.json").read_text())
    for name in ("front", "versions"):
        del result[name]
    (run / "result.json").write_text(json.dumps(result))
    assert read_results([run]).tested["kind"].tolist() == ["best", "last"]


def test_an_unfinished_run_is_left_out_and_said(run, tmp_path):
    write_run(tmp_path / "runs" / "two", [scores(0.7, 0.3)])
    (run / "result.json").unlink()
    results = read_results([tmp_path])
    assert list(results.runs) == ["two"]
    assert results.warnings == [f"{run.resolve()}: left out, it is not finished"]
    (run / "metrics.jsonl").unlink()
    assert list(read_results([tmp_path]).runs) == ["two"]
    with pytest.raises(UserError, match="no run in there is finished"):
        read_results([run])


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_nothing_found(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=rf"{name}: there is no run in this folder"):
        read_results([tmp_path / name])


def test_no_metrics(run):
    (run / "metrics.jsonl").write_text("")
    with pytest.raises(UserError, match=r"one: has no metrics yet"):
        read_results([run])


@pytest.mark.parametrize("line", ['{"epoch": 2, "f1": 0.', "[1, 2]", '{"f1": 0.7}', "\0\0\0"])
def test_a_damaged_line_is_named(run, line):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text("\n".join([lines[0], line, lines[2]]))
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 2: "):
        read_results([run])


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config.yaml", "data: voc\nnew_setting: 1\n"),
        ("result.json", "{"),
        ("result.json", "[]"),
        ("result.json", '{"epochs": 3}'),
        ("result.json", '{"epochs": 3, "best_epoch": 1, "best": 1, "last": {}}'),
        ("looks/ixg@input.json", "{"),
        ("looks/ixg@input.json", '{"first": {}}'),
    ],
)
def test_damaged_and_foreign_files_are_named(run, file, text):
    (run / file).parent.mkdir(exist_ok=True)
    (run / file).write_text(text)
    with pytest.raises(UserError, match="one"):
        read_results([run])
