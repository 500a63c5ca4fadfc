"""A run's folder: complete, resumable to the last bit, never half-written, never overwritten by accident."""

import csv
import json
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.training.helpers import command, interrupt, kept_state, options, small

from model_guidance.errors import UserError
from model_guidance.models import build
from model_guidance.runs import train as running
from model_guidance.runs.folder import EVIDENCE, Run
from model_guidance.runs.train import train_run


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def undisturbed(cache, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    train_run(small(cache), folder)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Every file except the settings that may differ (where the cache lies) and those with the time it took.

    Of the state, which has the time in it too, the rest is compared.
    """
    differ = ("config.yaml", "timing.json", "state.pt")
    found = (path for path in folder.rglob("*") if path.is_file() and path.name not in differ)
    contents = {str(path.relative_to(folder)): path.read_bytes() for path in found}
    return contents | {"state.pt": kept_state(folder)}


@pytest.mark.slow
def test_the_folder_of_a_finished_run(undisturbed):
    run = Run.open(undisturbed)
    assert run.config.backbone == "bcos_small"
    assert run.result.epochs == 3
    last = run.result.last
    assert {"accuracy", "worst_group", "epg", "iou", "on_object_epg"} <= set(last.scores)
    assert last.reliance.outside.keys() == {"mean", "blur", "swap"}
    assert sum(group["images"] for group in last.groups.values()) == last.images
    rows = list(csv.DictReader((undisturbed / "metrics.csv").open()))
    lines = [json.loads(line) for line in (undisturbed / "metrics.jsonl").read_text().splitlines()]
    assert [float(row["epg"]) for row in rows] == [line["epg"] for line in lines]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    state = torch.load(undisturbed / "state.pt", weights_only=True)
    assert state.keys() == {"optimizer", "history", "seconds", "passes"}  # the weights are those of `last`


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"ema": 0.7, "patience": 3}], ids=["plain", "averaged"])
def test_more_epochs_give_the_same_bits_as_from_the_start(settings, cache, tmp_path, capsys):
    train_run(small(cache, **settings), tmp_path / "whole")
    train_run(small(cache, **settings, epochs=1), tmp_path / "run")
    (tmp_path / "run" / "evidence" / "ixg@input.safetensors").parent.mkdir()
    (tmp_path / "run" / "evidence" / "ixg@input.safetensors").write_bytes(b"of the first epoch")
    interrupt(small(cache, **settings), tmp_path / "run", step=2)
    assert Run.open(tmp_path / "run").result is None
    train_run(small(cache, **settings), tmp_path / "run")
    assert files(tmp_path / "run") == files(tmp_path / "whole")
    assert Run.open(tmp_path / "run").config.epochs == 3


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ({}, {}, "run: a finished run lies here, add --overwrite to replace it"),
        ({}, {"epochs": 1}, "run: a finished run lies here, add --overwrite to replace it"),
        (
            {},
            {"epochs": 4, "lr": 0.1},
            "lies here, .*; epochs are added to one with --lr 0.001",
        ),
        (
            {"schedule": "cosine"},
            {"epochs": 4},
            "of 2 epochs .* be added: the learning rate of --schedule",
        ),
        (
            {"warmup": 0.5},
            {"epochs": 4},
            "be added: --warmup 0.5 is a fraction of all epochs; add --over",
        ),
        ({"keep_state": False}, {"epochs": 4}, "cannot be added: its state.pt is gone, or was not kept"),
        (
            {"patience": 1, "lr": 1e-9, "epochs": 4},
            {"epochs": 5},
            "of 4 epochs .* cannot be added: it ended with epoch 2, by --patience 1",
        ),
    ],
)
@pytest.mark.slow
def test_what_cannot_be_trained_further_is_said(first, then, expected, cache, tmp_path):
    settings = {"backbone": "small", "epochs": 2, "lambda_": 0.0} | first
    train_run(small(cache, **settings), tmp_path / "run")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=expected):
        train_run(small(cache, **settings | then), tmp_path / "run")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_every_checkpoint_is_a_plain_state_dict(undisturbed):
    tensors = (path for path in undisturbed.rglob("*.safetensors") if path.name != EVIDENCE)
    paths = [path for path in tensors if path.parent.name != "examples"]
    assert {path.parent.name for path in paths} == {"undisturbed", "front"}
    for path in paths:
        build("bcos_small", 2).load_state_dict(load_file(path), strict=True)


@pytest.mark.slow
def test_the_front_holds_the_epochs_that_no_other_beats(undisturbed):
    lines = [json.loads(line) for line in (undisturbed / "metrics.jsonl").read_text().splitlines()]
    points = [[line["accuracy"], line["epg"], line["iou"]] for line in lines]
    beaten = [any(q != p and all(b >= a for a, b in zip(p, q, strict=True)) for q in points) for p in points]
    expected = {f"epoch-{i:03}" for i, lost in enumerate(beaten, start=1) if not lost}
    assert {path.stem for path in (undisturbed / "front").iterdir()} == expected


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, 2])
def test_interrupted_in_an_epoch_it_ends_in_the_same_bits(epoch, cache, undisturbed, tmp_path):
    folder = tmp_path / "run"
    interrupt(small(cache), folder, step=3 * epoch + 2)
    torch.rand(5)  # the global random state is another one now
    train_run(small(cache), folder)
    assert files(folder) == files(undisturbed)


@pytest.mark.slow
def test_killed_it_ends_in_the_same_bits(undisturbed, tmp_path):
    config, folder = small(tmp_path / "cache"), tmp_path / "run"
    arguments = ["train", f"--out={folder}", *options(config)]
    process = command(*arguments)
    while not (folder / "state.pt").exists() and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert not (folder / "result.json").exists()
    again = command(*arguments)
    assert again.wait() == 0, again.communicate()
    assert files(folder) == files(undisturbed)


@pytest.mark.slow
def test_a_finished_run_is_kept_unless_overwriting_is_asked_for(cache, undisturbed, tmp_path):
    before = files(undisturbed)
    with pytest.raises(UserError, match="finished run .* --overwrite"):
        train_run(small(cache, epochs=1), undisturbed)
    assert files(undisturbed) == before
    folder = tmp_path / "run"
    train_run(small(cache, epochs=1, backbone="bcos_small"), folder)
    train_run(small(cache, epochs=1, backbone="bcos_small", seed=1), folder, overwrite=True)
    assert Run.open(folder).config.seed == 1


@pytest.mark.slow
def test_an_unfinished_run_is_not_continued_with_other_settings(cache, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    monkeypatch.setattr(running, "write_history", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train_run(small(cache), folder)
    monkeypatch.undo()
    with pytest.raises(UserError, match="unfinished run with --lr 0.001 .* --resume"):
        train_run(small(cache, lr=0.1), folder)


def test_with_overwrite_too_an_unfinished_run_of_the_same_settings_goes_on(cache, tmp_path, capsys):
    settings, history = {"backbone": "small", "lambda_": 0.0}, tmp_path / "run" / "metrics.jsonl"
    interrupt(small(cache, **settings), tmp_path / "run", step=4, overwrite=True)  # in the second epoch
    first = history.read_bytes()
    assert "goes on" not in capsys.readouterr().err
    interrupt(small(cache, **settings), tmp_path / "run", step=1, overwrite=True)
    assert "an unfinished run of these settings goes on" in " ".join(capsys.readouterr().err.split())
    assert history.read_bytes() == first
    interrupt(small(cache, **settings, seed=1), tmp_path / "run", step=1, overwrite=True)
    assert not history.exists()


def test_a_folder_with_other_files_is_left_alone(cache, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="no run folder"):
            train_run(small(cache), tmp_path, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_loss_that_is_not_finite_stops_the_run(cache, tmp_path):
    with pytest.raises(UserError, match="no longer finite in epoch 1"):
        train_run(small(cache, lr=1e30, backbone="resnet18"), tmp_path / "run")
    assert not list(tmp_path.rglob("*.safetensors"))
