"""Optimizers, learning rates, averages and early stopping: torch's own, and resumed to the last bit."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision.amp import MixedPrecision
from safetensors.torch import load_file
from tests.training.helpers import interrupt, same, small, trained
from torch import nn
from torch.amp import GradScaler
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from model_guidance.errors import UserError
from model_guidance.runs import prepare
from model_guidance.runs.evaluate import evaluate_run
from model_guidance.runs.folder import Run
from model_guidance.runs.train import train_run
from model_guidance.training.config import Config
from model_guidance.training.lambda_schedule import Goal
from model_guidance.training.optimisation import check_optimizer, optimizer_of, schedule_of
from model_guidance.training.trainer import is_over
from model_guidance.training.weight_average import WeightAverage

SETTINGS: dict[str, Any] = {"backbone": "small", "epochs": 2, "lambda_": 1.0}
VARIED: dict[str, dict[str, Any]] = {
    "adamw": {"optimizer": "AdamW", "weight_decay": 0.1, "schedule": "cosine", "warmup": 0.5, "ema": 0.7},
    "sgd": {"optimizer": "sgd", "momentum": 0.9, "warmup": 1.0, "ema": 0.5, "frozen": "mid1"},
    "rmsprop": {"optimizer": "rmsprop", "schedule": "cosine", "freeze_statistics": True},
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.slow
@pytest.mark.parametrize("settings", VARIED.values(), ids=VARIED)
def test_interrupted_it_ends_in_the_same_bits(settings, cache: Path, tmp_path: Path):
    config = small(cache, **SETTINGS | settings)
    expected = trained(config, tmp_path / "whole")
    interrupt(config, tmp_path / "resumed", step=5)  # in the second epoch, of three batches each
    assert same(trained(config, tmp_path / "resumed"), expected)
    whole, resumed = (tmp_path / name / "metrics.jsonl" for name in ("whole", "resumed"))
    assert resumed.read_bytes() == whole.read_bytes()
    plain = {"frozen": config.frozen, "freeze_statistics": config.freeze_statistics}
    assert not same(trained(small(cache, **SETTINGS | plain), tmp_path / "plain"), expected)


@pytest.mark.slow
def test_gradients_of_half_precision_are_scaled_as_before(cache: Path, tmp_path: Path, monkeypatch):
    """Fabric scales on a GPU only; here the same plugin scales on a CPU, by more after every two steps."""
    scaled = []

    def fabric_of(config: Config) -> Fabric:
        scaler = GradScaler("cpu", init_scale=4.0, growth_interval=2)
        plugin = MixedPrecision("bf16-mixed", "cpu")
        plugin.scaler = scaler
        scaled.append(scaler)
        return Fabric(accelerator="cpu", plugins=[plugin])

    monkeypatch.setattr(prepare, "fabric_of", fabric_of)
    config = small(cache, **SETTINGS)
    trained(config, tmp_path / "whole")
    interrupt(config, tmp_path / "resumed", step=4)  # the first of the second epoch
    trained(config, tmp_path / "resumed")
    whole, _, resumed = (each.get_scale() for each in scaled)
    assert whole == resumed == 4.0 * 2**3


@pytest.mark.slow
def test_the_average_is_what_is_scored_and_saved(cache: Path, tmp_path: Path):
    config = small(cache, **SETTINGS, ema=0.7)
    result = train_run(config, tmp_path / "averaged")
    again = evaluate_run(Run.open(tmp_path / "averaged"), "last", "test", None, None)
    assert again.scores["bce"] == result.last.scores["bce"]
    own, average = trained(small(cache, **SETTINGS), tmp_path / "own"), tmp_path / "averaged"
    assert not same(load_file(average / "last.safetensors"), own)
    rows = [
        json.loads((tmp_path / name / "metrics.jsonl").read_text().splitlines()[-1])
        for name in ("averaged", "own")
    ]
    assert rows[0]["loss"] == rows[1]["loss"]  # the weights that are trained are the same
    assert rows[0]["bce"] != rows[1]["bce"]
    assert rows[0]["learning_rate"] == config.lr


def test_the_average_is_that_of_torch():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    own = WeightAverage(network, 0.8)
    theirs = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.8), use_buffers=True)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    for _ in range(4):
        optimizer.zero_grad()
        network(torch.rand(5, 3)).square().sum().backward()
        optimizer.step()
        own.update()
        theirs.update_parameters(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with own.applied():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                assert torch.equal(value, theirs.module.state_dict()[name]), name
        assert not same(network.state_dict(), before)
    assert same(network.state_dict(), before)


def rates(config: Config, steps: int, done: int = 0) -> list[float]:
    optimizer = optimizer_of(config, [nn.Parameter(torch.ones(1))])
    schedule, found = schedule_of(config, optimizer, steps, done), []
    for _ in range((config.epochs - done) * steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("warmup", [0.25, 2.0])
def test_the_schedule_is_that_of_torch(warmup: float):
    config, steps = Config(epochs=8, schedule="cosine", warmup=warmup, lr=0.3), 5
    optimizer = torch.optim.Adam([nn.Parameter(torch.ones(1))], lr=0.3)
    rise = LinearLR(optimizer, start_factor=0.1, end_factor=1.0, total_iters=9)
    fall = CosineAnnealingLR(optimizer, T_max=30)
    schedule, expected = SequentialLR(optimizer, [rise, fall], milestones=[10]), []
    for _ in range(40):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates(config, steps) == pytest.approx(expected, rel=1e-9)
    assert rates(config, steps, done=3) == rates(config, steps)[15:]


def test_a_constant_rate_is_the_one_given():
    assert set(rates(Config(epochs=3, lr=0.1), 4)) == {0.1}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"optimizer": "admw"}, r"--optimizer admw: choose one of .*; did you mean adamw\?"),
        ({"momentum": 0.9}, r"--momentum 0.9: Adam has none"),
        ({"optimizer": "rprop", "weight_decay": 0.1}, r"--weight_decay 0.1: Rprop has none"),
        ({"optimizer": "lbfgs"}, r"--optimizer lbfgs: it needs more than the gradients"),
        ({"optimizer": "sparseadam"}, r"--optimizer sparseadam: it needs more than the gradients"),
        ({"optimizer": "muon"}, r"--optimizer muon: "),
        ({"schedule": "cosin"}, r"--schedule cosin: choose one of constant, cosine; did you mean cosine\?"),
        ({"warmup": 3.0, "epochs": 2}, r"--warmup 3: there are only 2 epochs"),
        ({"ema": 1.0}, r"--ema 1.0: a fraction from 0 up to 1"),
        ({"patience": 0}, r"--patience 0"),
    ],
)
def test_what_cannot_be_used_is_said(settings: dict[str, Any], expected: str):
    with pytest.raises(UserError, match=expected):
        check_optimizer(Config(**settings), nn.Conv2d(3, 2, 3).parameters())


@pytest.mark.parametrize(
    ("scores", "patience", "over"),
    [
        ([0.5, 0.4, 0.5], 2, True),
        ([0.5, 0.4, 0.6], 2, False),
        ([0.5, 0.4], 2, False),
        ([0.5], None, False),
        ([0.1, 0.2, 0.3, 0.4, 0.5], 1, True),
        ([], 1, False),
    ],
)
def test_training_stops_after_epochs_without_a_better_one(scores, patience, over):
    rows = [{"accuracy": score, "bce": 1.0 / place} for place, score in enumerate(scores, 1)]
    assert is_over(Config(epochs=5, patience=patience), rows, Goal("accuracy")) is over


@pytest.mark.slow
def test_a_run_that_stops_early_says_so_and_is_finished(cache: Path, tmp_path: Path, capsys):
    settings: dict[str, Any] = {"lr": 1e-9, "epochs": 9, "patience": 2, "lambda_": 0.0}
    config = small(cache, **SETTINGS | settings)
    interrupt(config, tmp_path / "run", step=8)  # in the third epoch, which is the last
    result = train_run(config, tmp_path / "run")
    assert result.epochs == 3
    assert "ends with epoch 3 of 9, none of the last 2 was better" in " ".join(
        capsys.readouterr().err.split()
    )
    with pytest.raises(UserError, match="a finished run lies here"):
        train_run(config, tmp_path / "run")
