"""Small runs for the tests: seconds on one core."""

import subprocess
import sys
from pathlib import Path
from typing import Any

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
