"""What loggers get of a run: every epoch once, however often it was interrupted, and the same few images."""

import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.helpers import interrupt, same, small, trained

from model_guidance.attribution import attribute
from model_guidance.data import SplitDataset
from model_guidance.data.loading import collate
from model_guidance.errors import UserError
from model_guidance.models import build
from model_guidance.runs import log
from model_guidance.runs.log import check_loggers, sheet_of_maps
from model_guidance.runs.setup import split_of
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config
from model_guidance.types import unit_range

SETTINGS: dict[str, Any] = {"backbone": "small", "epochs": 2}


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


def history(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [None, "mid1"])
def test_csv_has_each_epoch_once(frozen, cache: Path, tmp_path: Path):
    plain = small(cache, **SETTINGS, frozen=frozen)
    config = small(cache, **SETTINGS, frozen=frozen, logger="csv", ema=None)
    interrupt(config, tmp_path / "run", step=5)  # in the second epoch, of three batches each
    assert same(trained(config, tmp_path / "run"), trained(plain, tmp_path / "plain"))
    rows = list(csv.DictReader((tmp_path / "run" / "csv" / "metrics.csv").open()))
    epochs = history(tmp_path / "run")
    assert [int(row["step"]) for row in rows] == [1, 2]
    for row, epoch in zip(rows, epochs, strict=True):
        assert float(row["training/learning_rate"]) == epoch["learning_rate"] == config.lr
        assert {float(row["training/lambda"]), float(row["training/loss"])} == {1.0, epoch["loss"]}
        assert float(row["validation/epg"]) == epoch["epg"]
    assert len(rows[0]) == len(epochs[0])  # the step instead of the epoch, and all scores


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [None, "mid1"])
def test_tensorboard_has_each_epoch_once_with_a_sheet(frozen, cache: Path, tmp_path: Path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = small(cache, **SETTINGS, frozen=frozen, logger="tensorboard", ema=0.5)
    interrupt(config, tmp_path / "run", step=5)
    train_run(config, tmp_path / "run")
    train_run(
        small(cache, **SETTINGS | {"epochs": 3}, frozen=frozen, ema=0.5), tmp_path / "run"
    )  # not logged
    more = small(cache, **SETTINGS | {"epochs": 4}, frozen=frozen, logger="tensorboard", ema=0.5)
    train_run(more, tmp_path / "run")
    found = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"images": 0})
    found.Reload()
    epochs = history(tmp_path / "run")
    for name in ("validation/epg", "training/loss"):
        points = {event.step: event.value for event in found.Scalars(name)}
        assert points.keys() == {1, 2, 4}
        for step, value in points.items():
            assert value == pytest.approx(epochs[step - 1][name.partition("/")[2]], rel=1e-6)
    sheets = found.Images("validation/maps")
    assert [(each.step, each.width, each.height) for each in sheets] == [
        (n, 6 * 32, 2 * 32) for n in (1, 2, 4)
    ]
    train_run(small(cache, **SETTINGS | {"epochs": 1}), tmp_path / "run", overwrite=True)
    assert not (tmp_path / "run" / "tensorboard").exists()


@pytest.mark.slow
def test_weights_and_biases_goes_on_under_the_same_name(cache: Path, tmp_path: Path, monkeypatch):
    begun: list[dict[str, Any]] = []
    sent: list[tuple[int, dict[str, Any]]] = []

    class Sent:
        def log(self, values: dict[str, Any], step: int) -> None:
            sent.append((step, values))

        def finish(self) -> None:
            sent.append((0, {}))

    def init(**settings: Any) -> Sent:
        begun.append(settings)
        return Sent()

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init, Image=np.shape, __spec__=object()))
    config = small(cache, **SETTINGS, logger="wandb,csv")
    interrupt(config, tmp_path / "run", step=5)
    train_run(config, tmp_path / "run")
    assert [step for step, _ in sent] == [1, 2, 0]
    assert sent[1][1]["validation/maps"] == (64, 192, 3)
    assert sent[1][1]["validation/epg"] == history(tmp_path / "run")[1]["epg"]
    assert begun[0]["id"] == begun[1]["id"]
    assert begun[0]["config"]["lambda"] == 1.0
    assert (tmp_path / "run" / "csv" / "metrics.csv").exists()


def test_a_sheet_shows_images_and_what_speaks_for_the_class(cache: Path):
    config = small(cache, **SETTINGS, layer="input")
    dataset = SplitDataset(split_of(config, "val"))
    batch = collate([dataset[index] for index in range(3)])
    torch.manual_seed(0)
    model = build("small", 2).eval()
    sheet = sheet_of_maps(model, config, batch)
    images = unit_range(batch.images)
    assert sheet.shape == (64, 96, 3)
    top = (255 * images[1]).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(sheet[:32, 32:64], top)
    maps = attribute(
        model, images, batch.regions.pairs.class_index[:0].new_tensor(classes(batch)), layer="input"
    )
    strong = maps[1].abs() > 0.2 * maps[1].abs().max()
    below = sheet[32:, 32:64].astype(int)
    redder = torch.from_numpy(below[..., 0] > below[..., 2])
    assert strong.sum() > 10
    assert torch.equal(redder[strong], (maps[1] > 0)[strong])


def classes(batch: Any) -> list[int]:
    found = batch.labels.argmax(dim=1).tolist()
    pairs = batch.regions.pairs
    for image, of in zip(pairs.image_index.tolist(), pairs.class_index.tolist(), strict=True):
        found[image] = of
    return found


def test_a_logger_that_cannot_be_had(monkeypatch):
    with pytest.raises(UserError, match=r"--logger csvs: choose one of csv, .*; did you mean csv\?"):
        check_loggers(Config(logger="csvs"))
    monkeypatch.setattr(log, "find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"--logger wandb: needs wandb: pip install 'model-guidance\[loggers\]'"
    ):
        check_loggers(Config(logger="csv, wandb"))
    check_loggers(Config(logger="csv"))
