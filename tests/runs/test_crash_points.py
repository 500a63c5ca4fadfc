"""A training killed at any of its file operations goes on when the same command is given again.

Nothing is computed here, only files are written: the operations are those of a real run.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from tests.training.helpers import kept_state
from torch import nn
from torch.utils.data import DataLoader

from model_guidance.errors import UserError
from model_guidance.evaluation import Evaluation
from model_guidance.metrics.evaluate import Scored
from model_guidance.metrics.evidence import Evidence
from model_guidance.models.backbone import Backbone
from model_guidance.runs import train as running
from model_guidance.runs.folder import Run
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config
from model_guidance.training.lambda_schedule import Goal
from model_guidance.training.trainer import Epoch, best_of, front_of

CONFIG = Config(epochs=3, lambda_=1.0)


class Killed(BaseException):
    """The process is gone: nothing that it would do afterwards happens."""


class Operations:
    """Counts file operations, before and after each, and ends the process at number `stop`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.seen, self.stop = 0, 0
        for name in ("fsync", "replace", "rename", "unlink", "rmdir", "mkdir"):
            monkeypatch.setattr(os, name, self.watched(getattr(os, name) if name != "fsync" else int))
        opened = Path.open
        monkeypatch.setattr(Path, "open", self.watched(opened, writes))

    def watched(self, operation: Callable[..., Any], counts: Callable[..., bool] = lambda *_: True) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if not counts(*arguments):
                return operation(*arguments, **options)
            self.point()
            result = operation(*arguments, **options)
            self.point()
            return result

        return call

    def point(self) -> None:
        self.seen += 1
        if self.stop and self.seen >= self.stop:
            raise Killed


def writes(_: Path, mode: str = "r", *__: Any) -> bool:
    return "w" in mode


def epochs(*arguments: Any, **_: Any) -> Iterator[Epoch]:
    """Stand in for the trainer: the first epoch has the best EPG, the second the best F1, the third none."""
    guidance, config, state = arguments[1], arguments[4], arguments[6]
    history = list(state["history"]) if state else []
    for number in range(len(history) + 1, config.epochs + 1):
        nn.init.constant_(guidance.model.network.weight, number)
        row = {
            "epoch": number,
            "loss": 1.0,
            "f1": [0.5, 0.9, 0.4][number - 1],
            "epg": [0.8, 0.6, 0.5][number - 1],
        }
        history.append(row)
        weights = {name: value.clone() for name, value in guidance.model.state_dict().items()}
        spent = {"seconds": 0.1 * number, "passes": 0}
        state = {"model": weights, "optimizer": {}, "history": list(history), **spent}
        yield Epoch(list(history), best_of(history, Goal("f1")), front_of(history, "f1"), state, 0.1)


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> Operations:
    fabric = Fabric(accelerator="cpu", devices=1)
    split = SimpleNamespace(classes=("cat", "dog"), exclusive=False, labels=np.eye(2))
    data = SimpleNamespace(
        splits=dict.fromkeys(("train", "val", "test"), split), loaders={"val": [], "test": []}
    )

    class Images(list[int]):
        annotated = np.zeros(1, bool)

    def prepared(config: Config, folder: Path) -> running.Prepared:
        model = Backbone(nn.Linear(1, 1), nn.Identity(), layers={}, head="network.fc")
        return running.Prepared(
            config, folder, fabric, SimpleNamespace(model=model), data, DataLoader(Images([0]))
        )

    def kept(folder: Path, *_: Any) -> None:
        running.write(folder / "examples" / "ixg@final.safetensors", b"maps")

    def second(folder: Path, *_: Any) -> None:
        running.write(folder / "attributions" / "ixg@input.json", b"{}")

    monkeypatch.setattr(running, "prepare", prepared)
    monkeypatch.setattr(running, "train", epochs)
    monkeypatch.setattr(running, "_goal", lambda *_: Goal("f1"))
    monkeypatch.setattr(running, "write_examples", kept)
    monkeypatch.setattr(running, "score_second_attribution", second)

    def scored(model: Backbone, *_: Any, **__: Any) -> Scored:
        row = np.full(1, float(model.network.weight.detach()))
        evidence = Evidence(np.zeros(1, int), np.zeros(1, int), {"intact": np.ones((1, 2))}, row, row)
        return Scored(Evaluation(1, {"f1": float(row[0])}), evidence)

    monkeypatch.setattr(running, "score_checkpoint", scored)
    monkeypatch.setattr(torch, "set_flush_denormal", lambda _: True)
    return Operations(monkeypatch)


def contents(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    read = {name: path.read_bytes() for name, path in found.items()}
    return read | {"state.pt": kept_state(folder)} if "state.pt" in read else read


def again(folder: Path, overwrite: bool) -> None:
    """Give the same command once more: it goes on, or says that the run is finished."""
    if (folder / "result.json").exists() and not overwrite:
        with pytest.raises(UserError, match="a finished run lies here"):
            train_run(CONFIG, folder)
    else:
        train_run(CONFIG, folder, overwrite=overwrite)


@pytest.mark.slow
@pytest.mark.parametrize("overwrite", [False, True])
def test_killed_anywhere_the_same_command_goes_on(overwrite: bool, operations: Operations, tmp_path: Path):
    train_run(CONFIG, tmp_path / "reference")
    train_run(Config(epochs=1), tmp_path / "earlier")
    reference = contents(tmp_path / "reference")
    assert {"front/epoch-002.safetensors", "evidence.safetensors"} <= reference.keys()
    operations.seen = 0
    train_run(CONFIG, tmp_path / "counted")
    clearing = 2 * len(contents(tmp_path / "earlier"))
    for stop in range(1, 1 + (clearing + 20 if overwrite else operations.seen)):
        folder = tmp_path / f"runs-{stop}" / "run"
        if overwrite:
            shutil.copytree(tmp_path / "earlier", folder)
        operations.seen, operations.stop = 0, stop
        with pytest.raises(Killed):
            train_run(CONFIG, folder, overwrite=overwrite)
        operations.stop = 0
        again(folder, overwrite)
        assert contents(folder) == reference, f"killed at file operation {stop}"


@pytest.mark.slow
def test_killed_while_more_epochs_are_added_the_same_command_goes_on(operations: Operations, tmp_path: Path):
    train_run(CONFIG, tmp_path / "reference")
    train_run(replace(CONFIG, epochs=2), tmp_path / "shorter")
    (tmp_path / "shorter" / "evidence").mkdir()
    (tmp_path / "shorter" / "evidence" / "ixg@input.safetensors").write_bytes(b"of the second epoch")
    reference = contents(tmp_path / "reference")
    shutil.copytree(tmp_path / "shorter", tmp_path / "counted")
    operations.seen = 0
    train_run(CONFIG, tmp_path / "counted")
    assert contents(tmp_path / "counted") == reference
    for stop in range(1, 1 + operations.seen):
        folder = tmp_path / f"runs-{stop}"
        shutil.copytree(tmp_path / "shorter", folder)
        operations.seen, operations.stop = 0, stop
        with pytest.raises(Killed):
            train_run(CONFIG, folder)
        operations.stop = 0
        if Run.open(folder).config == CONFIG:
            again(folder, overwrite=False)
        else:
            train_run(CONFIG, folder)
        assert contents(folder) == reference, f"killed at file operation {stop}"
