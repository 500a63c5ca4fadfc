"""Small runs for the tests: seconds on one core."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from model_guidance.runs.train import train_run
from model_guidance.training import trainer
from model_guidance.training.config import Config

SMALL: dict[str, Any] = {
    "data": "shapes",
    "options": {"count": 48},
    "size": 32,
    "backbone": "bcos_small",
    "layer": "mid2",
    "lambda_": 1.0,
    "annotated": 0.5,
    "epochs": 3,
    "batch": 16,
    "lr": 1e-3,
    "workers": 0,
    "accelerator": "cpu",
}


def small(cache: Path, **changes: Any) -> Config:
    return Config(**{**SMALL, "cache": str(cache), **changes})


def options(config: Config) -> list[str]:
    """The command line of a config."""
    flat = {"data", "size", "backbone", "layer", "annotated", "epochs", "batch", "lr", "workers", "cache"}
    given = [f"--{name}={getattr(config, name)}" for name in sorted(flat)]
    given += [f"--options.{name}={value}" for name, value in config.options.items()]
    return [*given, f"--lambda={config.lambda_}", "--accelerator=cpu"]


def command(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start the command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "model_guidance.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def trained(config: Config, folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a run's last epoch."""
    train_run(config, folder)
    return load_file(folder / "last.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def kept_state(folder: Path) -> bytes:
    """What a run's state holds, to the last bit, but for the time that training took."""

    def plain(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return str(value.dtype), tuple(value.shape), value.numpy().tobytes()
        if isinstance(value, dict):
            return [(name, plain(each)) for name, each in value.items() if name != "seconds"]
        return [plain(each) for each in value] if isinstance(value, list) else value

    state = torch.load(folder / "state.pt", weights_only=True)
    return repr(sorted(plain(state))).encode()


def interrupt(config: Config, folder: Path, step: int, overwrite: bool = False) -> None:
    """Train until Ctrl-C in a step, counted from 1 over all epochs."""
    steps, classification = [], trainer._classification

    def interrupted(*args: Any) -> torch.Tensor:
        steps.append(1)
        if len(steps) == step:
            raise KeyboardInterrupt
        return classification(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "_classification", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_run(config, folder, overwrite=overwrite)
