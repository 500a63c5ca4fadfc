"""What a finished run keeps for a report: a second attribution, examples, the front; and a run's goal."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from tests.training.helpers import small

from model_guidance.attribution import attribute
from model_guidance.metrics import energy_pointing_game
from model_guidance.models import build
from model_guidance.runs.devices import fabric_of
from model_guidance.runs.evaluate import evaluate_run
from model_guidance.runs.folder import Run
from model_guidance.runs.result import read_evaluations
from model_guidance.runs.second_attribution import add_attribution, second_attribution
from model_guidance.runs.setup import split_of
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config

pytestmark = pytest.mark.slow

MULTI = {"backbone": "xdnn_small", "options": {"count": 40, "labels": "multi"}, "annotated": 1.0}


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Config:
    return small(tmp_path_factory.mktemp("cache"), **MULTI)


@pytest.fixture(scope="module")
def run(config: Config, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("second") / "run"
    train_run(config, folder)
    return Run.open(folder)


def test_every_epoch_of_the_front_is_tested(run: Run):
    kept = {int(path.stem[-3:]) for path in (run.folder / "front").iterdir()}
    assert set(run.result.front) == kept
    for epoch in kept:
        again = evaluate_run(run, f"front/epoch-{epoch:03}", "test", None, None).scores
        tested = run.result.front[epoch].scores
        for name in ("f1", "map", "epg", "iou", "iou_threshold"):
            assert again[name] == pytest.approx(tested[name], abs=1e-6)


def test_a_guided_run_is_scored_under_an_attribution_it_was_not_trained_for(run: Run):
    assert second_attribution(run.config) == ("intgrad", "input")
    scores = read_evaluations(run.folder / "attributions" / "intgrad@input.json")["last"].scores
    again = evaluate_run(run, "last", "test", "ixg", "input").scores
    assert scores["epg"] == pytest.approx(again["epg"], abs=1e-6)
    assert scores["epg"] != pytest.approx(run.result.last.scores["epg"], abs=1e-3)


@pytest.mark.parametrize(
    ("backbone", "layer", "expected"),
    [
        ("resnet50", "input", ("gradcam", "final")),
        ("bcos_resnet50", "final", ("bcos", "input")),
        ("resnet50", "mid2", ("ixg", "input")),
        ("xdnn_resnet50", "mid2", ("intgrad", "input")),
    ],
)
def test_which_attribution_is_the_second(backbone: str, layer: str, expected: tuple[str, str]):
    assert second_attribution(Config(backbone=backbone, layer=layer)) == expected


def test_examples_are_maps_of_the_last_epoch(run: Run):
    with safe_open(run.folder / "examples" / f"{run.config.explainer}.safetensors", framework="pt") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        names = json.loads(file.metadata()["names"])
    split = split_of(run.config, "test")
    assert len(names) == len(found["images"]) == 36
    assert set(names) <= set(split.names)
    model = build(run.config.backbone, len(run.classes), run.checkpoint("last")).eval()
    for i in (0, 20):
        image, label = found["images"][i : i + 1] / 255, found["labels"][i : i + 1]
        a = attribute(model, image, label, run.config.own_method, run.config.layer)
        assert torch.allclose(found["maps"][i].float(), a[0] / a.abs().max(), atol=1e-3)
        assert found["epg"][i] == pytest.approx(
            energy_pointing_game(a, found["masks"][i : i + 1]).item(), abs=1e-5
        )
        assert found["probability"][i] == pytest.approx(model(image)[0, label].sigmoid().item(), abs=1e-5)
        assert split.labels[split.names.index(names[i]), label] == 1


def test_another_attribution_keeps_the_same_images_and_is_measured_once(run: Run):
    add_attribution(run, "gradcam", "final", fabric_of(run.config))
    path = run.folder / "attributions" / "gradcam@final.json"
    before = path.stat().st_mtime_ns
    add_attribution(run, "gradcam", "final", fabric_of(run.config))
    assert path.stat().st_mtime_ns == before
    images = []
    for name in ("gradcam@final", run.config.explainer):
        with safe_open(run.folder / "examples" / f"{name}.safetensors", framework="pt") as file:
            images.append((file.get_tensor("images"), file.metadata()["names"]))
    assert torch.equal(images[0][0], images[1][0])
    assert images[0][1] == images[1][1]


def test_lambda_follows_the_goal_and_is_reported(config: Config, run: Run, tmp_path: Path):
    weights = str(run.checkpoint("best"))
    high, low = (
        replace(config, weights=weights, lambda_=0.1, target_epg=target, epochs=3) for target in (0.99, 0.01)
    )
    for name, each, rising in (("high", high, True), ("low", low, False)):
        result = train_run(each, tmp_path / name)
        lines = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        values = [json.loads(line)["lambda"] for line in lines]
        assert values[0] == 0.1
        assert values == sorted(values, reverse=not rising)
        assert len(set(values)) == 3
        assert result.epochs == 3


def test_an_allowed_loss_keeps_an_epoch_that_keeps_to_it(config: Config, run: Run, tmp_path: Path):
    adapted = replace(config, weights=str(run.checkpoint("best")), lambda_=0.0, allowed_loss=0.3, epochs=2)
    result = train_run(adapted, tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert rows[0]["lambda"] == 0.05
    least = evaluate_run(run, "best", "val", None, None).scores["f1"] - 0.3
    allowed = [row for row in rows if row["f1"] >= least]
    assert result.best_epoch == max(allowed, key=lambda row: row["epg"])["epoch"]
