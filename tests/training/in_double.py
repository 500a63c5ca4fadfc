"""A run in float64, for `test_processes.py`: started once per process, with torchrun or without."""

import sys
from pathlib import Path

import torch
from tests.training.helpers import small

from model_guidance.runs.train import train_run

if __name__ == "__main__":
    out, devices, batch = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_default_dtype(torch.float64)
    settings = {"backbone": "small", "options": {"count": 40, "labels": "multi"}, "precision": "64-true"}
    settings |= {"composites": 0.5, "replaced": "both", "reliance_images": 7}
    settings |= {"optimizer": "adamw", "schedule": "cosine", "warmup": 0.5, "ema": 0.5}
    config = small(out / "cache", **settings, devices=devices, batch=batch, annotated=0.1, epochs=2)
    train_run(config, out / f"{devices}-devices")
