"""Runs whose images count differently: resumed to the last bit, told of errors, refused in one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.helpers import interrupt, same, small, trained

from model_guidance.errors import UserError
from model_guidance.runs.checkpoints import load_model
from model_guidance.runs.devices import fabric_of
from model_guidance.runs.folder import Run
from model_guidance.runs.history import read_cost
from model_guidance.runs.setup import images_of, split_of, training_loader
from model_guidance.runs.train import train_run
from model_guidance.runs.weighting import weighting_of
from model_guidance.types import unit_range

SETTINGS: dict[str, Any] = {"backbone": "small", "epochs": 2, "lambda_": 0.0}


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", params=[None, "mid1"])
def start(request, cache: Path, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("start") / "run"
    train_run(small(cache, **SETTINGS | {"epochs": 1, "frozen": request.param, "lr": 1e-6}), folder)
    return Run.open(folder)


def test_interrupted_it_ends_in_the_same_bits(cache: Path, tmp_path: Path):
    config = small(cache, **SETTINGS, weighting="group_dro")
    expected = trained(config, tmp_path / "whole")
    interrupt(config, tmp_path / "resumed", step=5)  # in the second epoch, of three batches each
    assert same(trained(config, tmp_path / "resumed"), expected)
    assert not same(trained(small(cache, **SETTINGS), tmp_path / "plain"), expected)


def test_what_the_earlier_run_got_wrong_counts_more(cache: Path, start: Run):
    config = small(cache, **SETTINGS, weighting="errors", errors_of=str(start.folder), upweight=7.0)
    split, fabric = split_of(config, "train"), fabric_of(config)
    training = images_of(training_loader(config, split, fabric, normalises=False))
    weighting = weighting_of(config, training, fabric)
    images = unit_range(torch.stack([training[index].image for index in range(len(training))]))
    with torch.no_grad():
        answers = load_model(start, "last").eval()(images).argmax(dim=1).numpy()
    wrong = answers != split.labels.argmax(axis=1)
    assert 0 < wrong.sum() < len(wrong)
    factors = weighting.state_dict()["factors"].numpy()
    assert factors == pytest.approx(np.where(wrong, 7.0, 1.0) / np.where(wrong, 7.0, 1.0).mean(), rel=1e-6)


def test_a_run_says_what_it_needed(cache: Path, tmp_path: Path):
    train_run(small(cache, **SETTINGS, weighting="groups"), tmp_path / "groups")
    train_run(small(cache, **SETTINGS | {"lambda_": 1.0}), tmp_path / "guided")
    groups, guided = (read_cost(tmp_path / name) for name in ("groups", "guided"))
    assert (groups.images, groups.annotated, groups.grouped) == (48, 0, 48)
    assert (guided.images, guided.annotated, guided.grouped) == (48, 24, 0)
    assert groups.seconds == pytest.approx(6 * groups.seconds_per_step, rel=1)  # two epochs of three steps


@pytest.mark.parametrize(
    ("settings", "passes"),
    [
        ({}, 48),
        ({"lambda_": 1.0}, 48 + 24),
        ({"lambda_": 1.0, "guided_part": 0.5}, 48 + 12),
        ({"lambda_": 1.0, "method": "intgrad"}, 48 + 16 * 24),
        ({"lambda_": 1.0, "method": "intgrad", "backbone": "xdnn_small"}, 48 + 24),
        ({"composites": 0.5}, 48 + 24),
    ],
)
def test_passes_through_the_network_are_counted(
    cache: Path, tmp_path: Path, settings: dict[str, Any], passes: int
):
    config = small(cache, **{**SETTINGS, "epochs": 1, "options": {"count": 48}, **settings})
    train_run(config, tmp_path / "run")
    assert read_cost(tmp_path / "run").passes == passes


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"weighting": "group"},
            "^--weighting group: choose one of images, groups, group_dro, errors; did you",
        ),
        ({"weighting": "errors"}, "name the run that made them: --errors_of RUN"),
        ({"errors_of": "runs/a"}, "--errors_of runs/a: nothing uses it without --weighting errors"),
        ({"upweight": 3.0}, "--upweight 3.0: nothing uses it"),
        ({"weighting": "errors", "errors_of": "a", "composites": 0.5}, "excludes --composites"),
        ({"weighting": "errors", "errors_of": "nowhere"}, "nowhere: this is no run folder"),
        ({"weighting": "groups", "options": {"count": 48, "labels": "multi"}}, "have 0 known groups"),
    ],
)
def test_what_cannot_be_weighted_is_said_before_anything_is_written(
    cache: Path, tmp_path: Path, settings: dict[str, Any], message: str
):
    with pytest.raises(UserError, match=message):
        train_run(small(cache, **SETTINGS | settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_size_has_other_errors(cache: Path, tmp_path: Path, start: Run):
    config = small(cache, **SETTINGS, weighting="errors", errors_of=str(start.folder), size=48)
    with pytest.raises(UserError, match="its images have 32 px, not 48"):
        train_run(config, tmp_path / "run")
