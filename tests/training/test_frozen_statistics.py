"""Training with the running statistics of batch normalisation left as they are."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.training.helpers import small

from model_guidance.autodiff.batch_statistics import freeze_statistics, uses_batch_statistics
from model_guidance.models import build
from model_guidance.runs.train import train_run


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [True, False])
def test_only_weights_change(frozen: bool, tmp_path: Path):
    config = small(tmp_path / "cache", backbone="bcos_small", epochs=1, freeze_statistics=frozen)
    train_run(config, tmp_path / "run")
    torch.manual_seed(config.seed)
    start = build(config.backbone, 2)
    end = load_file(tmp_path / "run" / "last.safetensors")
    unchanged = {name: torch.equal(value, end[name]) for name, value in start.state_dict().items()}
    running = [same for name, same in unchanged.items() if "running" in name]
    assert len(running) == 10
    assert all(running) == frozen
    assert not any(same for name, same in unchanged.items() if name.endswith("weight"))


@pytest.mark.parametrize(
    ("backbone", "normalises"), [("resnet18", True), ("bcos_small", True), ("xdnn_resnet18", False)]
)
def test_what_normalises_over_the_batch(backbone: str, normalises: bool):
    model = build(backbone, 2).train()
    assert uses_batch_statistics(model) == normalises
    freeze_statistics(model)
    assert not uses_batch_statistics(model)
    assert model.training
    assert uses_batch_statistics(model.train()) == normalises
    assert not uses_batch_statistics(model.eval())
