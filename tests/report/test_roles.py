"""What a run is for, which runs may be compared, and how configurations are called."""

import pytest
from tests.report.folders import scores, write_run

from model_guidance.report.read.comparable import incomparable, sections
from model_guidance.report.read.labels import labelled, unsaid
from model_guidance.report.read.reported import same_budget
from model_guidance.report.read.results import read_results
from model_guidance.report.read.roles import role, start
from model_guidance.runs.folder import RESULT
from model_guidance.training.config import Config

ROW = [scores(0.7, 0.3)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "baseline"),
        ({"weights": "imagenet"}, "baseline"),
        ({"weights": "downloads/bcos.pt"}, "baseline"),
        ({"weights": "runs/start/last.safetensors"}, "baseline, continued"),
        ({"weights": "runs/start/front/epoch-007.safetensors"}, "baseline, continued"),
        ({"lambda_": 1.0, "weights": "runs/start/best.safetensors"}, "guided"),
        ({"target_epg": 0.8}, "guided"),
        ({"allowed_loss": 0.05, "weights": "runs/start/best.safetensors"}, "guided"),
        ({"lambda_": 1.0, "regions": "random"}, "random regions"),
        ({"composites": 0.5}, "guided"),
        ({"composites": 0.5, "lambda_": 1.0, "weights": "runs/start/best.safetensors"}, "guided"),
        ({"composites": 0.5, "regions": "random"}, "random regions"),
        ({"composites": 0.5, "data": "shapes", "options": {"background": "independent"}}, "ceiling"),
        ({"data": "shapes", "options": {"background": "independent"}}, "ceiling"),
        ({"data": "waterbirds", "options": {"training": "mixed"}, "lambda_": 1.0}, "ceiling"),
        ({"weighting": "groups"}, "weighted"),
        ({"weighting": "groups", "data": "waterbirds", "options": {"training": "mixed"}}, "weighted"),
        ({"weighting": "group_dro", "lambda_": 1.0}, "guided"),
        ({"data": "nowhere.read", "options": {"training": "mixed"}}, "baseline"),
    ],
)
def test_roles(settings, expected):
    assert role(Config(**settings)) == expected


def test_the_start_is_that_of_the_first_run_of_the_chain(tmp_path):
    first = write_run(tmp_path / "first", ROW, weights=None)
    second = write_run(tmp_path / "second", ROW, weights=str(first / "last.safetensors"))
    third = Config(weights=str(second / "front" / "epoch-001.safetensors"))
    assert start(third) == "random weights"
    assert start(Config(weights="imagenet")) == "imagenet"
    assert start(Config(weights="models/bcos.pt")) == "bcos.pt"
    assert start(Config(weights=str(tmp_path / "gone" / "best.safetensors"))) == "gone"


def test_the_start_is_found_from_another_working_folder(tmp_path, monkeypatch):
    write_run(tmp_path / "runs" / "first", ROW, weights=None)
    config = Config(weights="runs/first/last.safetensors")
    (tmp_path / "runs" / "first" / "last.safetensors").write_bytes(b"")
    monkeypatch.chdir(tmp_path / "runs" / "first")
    assert start(config, tmp_path / "runs" / "second") == "random weights"


def test_a_run_that_names_itself_as_its_start_does_not_hang(tmp_path):
    own = str(tmp_path / "own" / "best.safetensors")
    write_run(tmp_path / "own", ROW, weights=own)
    assert start(Config(weights=own)) == "own"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"size": 32}, "size"),
        ({"data": "coco"}, "data"),
        ({"options": {"difficult": False}}, "options"),
        ({"outside": True}, "region"),
    ],
)
def test_incomparable_runs_are_named_with_the_reason(tmp_path, settings, reason):
    for name, changes in (("a", {}), ("b", {}), ("c", settings)):
        write_run(tmp_path / name, ROW, **changes)
    results = read_results([tmp_path])
    assert list(sections(results).values()) == [["a", "b"], ["c"]]
    sentence = incomparable(results)
    assert f"they differ in {reason}: " in sentence
    assert "(a, b)" in sentence
    assert "(c)" in sentence


def test_of_many_runs_some_are_named_and_the_rest_counted(tmp_path):
    for name in "abcdefg":
        write_run(tmp_path / name, ROW, size=32 if name == "g" else 64)
    assert incomparable(read_results([tmp_path])) == (
        "Not comparable with each other, because they differ in size: "
        "voc, 64 px (a, b, c, d, and 2 more); and voc, 32 px (g)."
    )


def test_other_classes_are_a_section_of_their_own(tmp_path):
    write_run(tmp_path / "a", ROW)
    (write_run(tmp_path / "b", ROW) / "classes.json").write_text('["cat", "cow"]')
    results = read_results([tmp_path])
    assert list(sections(results)) == ["voc, 64 px, classes cat, dog", "voc, 64 px, classes cat, cow"]


def test_runs_tested_on_other_images_are_a_section_of_their_own(tmp_path):
    for name, images in {"a": 10, "b": 10, "c": 14, "old": 0}.items():
        path = write_run(tmp_path / name, ROW) / RESULT
        path.write_text(path.read_text().replace('"images": 10', f'"images": {images}'))
    results = read_results([tmp_path])
    assert sections(results) == {
        "voc, 64 px, 10 test images": ["a", "b", "old"],
        "voc, 64 px, 14 test images": ["c"],
    }
    assert "they differ in test images: " in incomparable(results)


def test_no_section_is_lost_to_one_that_reads_alike(tmp_path):
    write_run(tmp_path / "a", ROW, data="shapes", options={"count": 48})
    write_run(tmp_path / "b", ROW, data="shapes", options={"count": "48"})
    found = sections(read_results([tmp_path]))
    assert found == {"shapes, count 48, 64 px": ["a"], "shapes, count 48, 64 px (2)": ["b"]}


def test_seeds_ceilings_networks_and_layers_may_be_compared(tmp_path):
    drawn = {"data": "shapes"}
    write_run(tmp_path / "a", ROW, **drawn, options={"seed": 0, "background": "biased"})
    write_run(tmp_path / "b", ROW, **drawn, options={"seed": 1, "background": "independent", "count": None})
    write_run(tmp_path / "c", ROW, **drawn, backbone="xdnn_resnet50", layer="input")
    results = read_results([tmp_path])
    assert incomparable(results) is None
    assert list(sections(results)) == ["shapes, 64 px"]


def test_labels_say_what_differs_and_no_more(tmp_path):
    guided = {"lambda_": 1.0}
    expected = {
        "baseline": {},
        "Energy, boxes": guided,
        "L1, boxes": {**guided, "loss": "l1"},
        "L1, 10 % of the boxes": {**guided, "loss": "l1", "annotated": 0.1},
        "Energy, boxes +25 %": {**guided, "dilate": 0.25},
        "Energy, masks": {**guided, "regions": "masks"},
        "Energy, random regions": {**guided, "regions": "random"},
        "Energy, boxes, target EPG 0.8": {"target_epg": 0.8},
    }
    for place, settings in enumerate(expected.values()):
        write_run(tmp_path / f"{place}", ROW, seed=place, **settings)
    tested = labelled(read_results([tmp_path]).tested.query("kind == 'best'"))
    assert tested["configuration"].tolist() == list(expected)


def test_labels_say_by_what_a_run_was_guided(tmp_path):
    composites = {"composites": 0.5}
    expected = {
        "baseline": {},
        "Energy": {"lambda_": 1.0},
        "composites, filler swap": composites,
        "composites, filler mean": {**composites, "filler": "mean"},
        "Energy + composites, filler swap": {**composites, "lambda_": 1.0},
    }
    for place, settings in enumerate(expected.values()):
        write_run(tmp_path / f"{place}", ROW, seed=place, **settings)
    tested = labelled(read_results([tmp_path]).tested.query("kind == 'best'"))
    assert tested["configuration"].tolist() == list(expected)


def test_labels_leave_out_what_follows_and_the_page_says_so(tmp_path):
    """Weights and batches that come with the share of the boxes, layers that come with the maps."""
    composites = {"composites": 0.5}
    expected = {
        "baseline, 3 epochs": {"epochs": 3},
        "baseline, 10 epochs": {"epochs": 10},
        "Energy, boxes": {"lambda_": 1.0},
        "Energy, 1 % of the boxes": {"lambda_": 1.0, "annotated": 0.01, "annotated_batch": 16},
        "composites, boxes": {**composites, "composites_weight": 4.0},
        "composites, 1 % of the boxes": {**composites, "annotated": 0.01, "composites_weight": 10.0},
    }
    for place, settings in enumerate(expected.values()):
        write_run(tmp_path / f"{place}", ROW, **settings)
    write_run(tmp_path / "9", ROW, lambda_=1.0, layer="mid3", frozen="mid2")
    tested = labelled(read_results([tmp_path]).tested.query("kind == 'best'"))
    assert tested["configuration"].tolist() == [*expected, "Energy, boxes"]
    assert unsaid(tested) == "Names leave out composites_weight: that follows from what they say."
    assert unsaid(tested.query("role == 'baseline'")) is None


def test_what_alone_tells_two_runs_apart_is_said(tmp_path):
    for place, weight in enumerate((4.0, 10.0)):
        write_run(tmp_path / f"{place}", ROW, composites=0.5, composites_weight=weight)
    tested = labelled(read_results([tmp_path]).tested.query("kind == 'best'"))
    assert tested["configuration"].tolist() == ["composites, weight 4", "composites, weight 10"]
    assert unsaid(tested) is None


def test_labels_are_short_where_nothing_differs(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path / f"{seed}", ROW, lambda_=1.0 + seed, seed=seed, annotated=0.1)
    write_run(tmp_path / "base", ROW, epochs=7)
    tested = labelled(read_results([tmp_path]).tested)
    assert set(tested["configuration"]) == {"Energy", "baseline"}


def test_an_option_that_has_its_default_tells_nothing_apart(tmp_path):
    write_run(tmp_path / "a", ROW)
    write_run(tmp_path / "b", ROW, options={"difficult": True})
    assert list(sections(read_results([tmp_path])).values()) == [["a", "b"]]


def test_a_run_stands_beside_the_baseline_with_as_many_epochs(tmp_path):
    for name, epochs in (("short", 1), ("long", 3)):
        write_run(tmp_path / name, ROW * epochs)
    write_run(tmp_path / "guided", ROW * 3, lambda_=1.0)
    rows = read_results([tmp_path]).tested
    assert set(same_budget(rows, 3)["run"]) == {"long"}
    assert set(same_budget(rows, 4)["run"]) == {"long"}
    assert set(same_budget(rows, 1)["run"]) == {"short"}
    assert set(same_budget(rows)["run"]) == {"short", "long"}
