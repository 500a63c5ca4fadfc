"""Run folders with known numbers, written by the writers that real runs use."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from model_guidance.evaluation import Evaluation, Reliance
from model_guidance.files import write
from model_guidance.report.read.labels import labelled
from model_guidance.report.read.reported import reported
from model_guidance.report.read.results import read_results
from model_guidance.runs.folder import ATTRIBUTIONS, CLASSES, CONFIG, EXAMPLES, RESULT
from model_guidance.runs.history import Cost, write_cost, write_history
from model_guidance.runs.result import Result, write_evaluations, write_result
from model_guidance.training.config import Config

CLASS_NAMES = ["cat", "dog"]
SETTINGS: dict[str, Any] = {
    "data": "voc",
    "size": 64,
    "backbone": "resnet50",
    "weights": "imagenet",
    "epochs": 3,
    "annotated": 1.0,
}


def scores(f1: float, epg: float, **more: Any) -> dict[str, Any]:
    """Test or validation scores of a multi-label run; `more` as in `evaluation`."""
    row = {"f1": f1, "map": f1 + 0.02, "epg": epg, "iou": epg / 2, "iou_threshold": 0.1, "pairs": 10.0}
    return row | more


def controls(intact: float, outside: float, images: int = 10) -> dict[str, Any]:
    return {"reliance": Reliance(images, intact, {"mean": outside}, {"mean": 0.1})}


def of_classes(ap: float, epg: float) -> dict[str, Any]:
    return {"classes": {name: {"ap": ap, "epg": epg, "iou": epg / 2} for name in CLASS_NAMES}}


def evaluation(row: dict[str, Any], images: int = 10) -> Evaluation:
    """The record of a row of scores, which may hold `groups`, `classes` and `reliance` as well."""
    nested = {name: row[name] for name in ("groups", "classes", "confusion", "reliance") if name in row}
    return Evaluation(images, {name: value for name, value in row.items() if name not in nested}, **nested)


def write_run(
    folder: Path, test: list[dict[str, Any]], validation: list[dict[str, Any]] | None = None, **settings: Any
) -> Path:
    """Write a finished run with one tested checkpoint per epoch; the best epoch has the best main score."""
    config = Config(**{**SETTINGS, "epochs": len(test), **settings})
    validation = test if validation is None else validation
    main = "f1" if "f1" in test[0] else "accuracy"
    seen = [evaluation(row).flat for row in validation]
    history = [{"epoch": epoch, "loss": 1 / epoch, **row} for epoch, row in enumerate(seen, 1)]
    best = max(range(len(history)), key=lambda place: history[place][main])
    tested = {epoch: evaluation(row) for epoch, row in enumerate(test, 1)}
    result = Result(len(test), best + 1, tested[best + 1], tested[len(test)], tested, "model-guidance 0.1.0")
    write(folder / CONFIG, config.yaml().encode())
    write(folder / CLASSES, json.dumps(CLASS_NAMES).encode())
    write_cost(folder, Cost(0.25, 10.0, 100, 10, 0))
    write_history(folder, history)
    write_result(folder / RESULT, result)
    return folder


def write_attribution(folder: Path, explainer: str, epg: float) -> None:
    """Write the scores of a run under another attribution."""
    found = evaluation({"epg": epg, "iou": epg / 2, "pairs": 10.0})
    write_evaluations(folder / ATTRIBUTIONS / f"{explainer}.json", {"best": found, "last": found})


def write_examples(
    folder: Path, explainer: str, epg: list[float], outside: float = 0.9, size: int = 24
) -> None:
    """Write heat maps whose share inside of the region is about `epg`; all are decided with 0.9."""
    masks = np.zeros((len(epg), size, size), bool)
    masks[:, size // 4 : size // 2, size // 4 : size // 2] = True
    share = np.array(epg)[:, None, None]
    maps = np.where(masks, share / masks[0].sum(), (1 - share) / (~masks[0]).sum())
    tensors = {
        "images": np.random.default_rng(0).integers(0, 256, (len(epg), 3, size, size), np.uint8),
        "masks": masks,
        "maps": (maps / maps.max(axis=(1, 2), keepdims=True)).astype(np.float16),
        "epg": np.array(epg, np.float32),
        "labels": np.arange(len(epg)) % 2,
        "probability": np.full(len(epg), 0.9, np.float32),
        "outside": np.full(len(epg), outside, np.float32),
    }
    path = folder / EXAMPLES / f"{explainer}.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file(tensors, path, {"names": json.dumps([f"image-{place}" for place in range(len(epg))])})


def write_comparison(folder: Path) -> Path:
    """Write two seeds of a baseline, of Energy and of L1 with two lambdas, and a random control."""
    for seed in (0, 1):
        base = [scores(0.70 + 0.02 * seed, 0.30, **controls(0.7, 0.5), **of_classes(0.6, 0.3))]
        at = write_run(folder / f"baseline-{seed}", base, seed=seed)
        write_attribution(at, "ixg@input", 0.20)
        write_examples(at, "ixg@final", [0.3, 0.2, 0.4, 0.1])
        for loss, gain in (("energy", 0.3), ("l1", 0.2)):
            for place, weight in enumerate((0.5, 1.0)):
                rows = _guided(gain + 0.05 * place, seed)
                name = f"{loss}-{weight:g}-{seed}"
                at = write_run(folder / name, rows, loss=loss, lambda_=weight, seed=seed)
                write_attribution(at, "ixg@input", 0.15 if loss == "l1" else 0.25)
                write_examples(at, "ixg@final", [0.9, 0.5, 0.85, 0.3], outside=0.2)
        rows = _guided(0.02, seed)
        write_run(folder / f"random-{seed}", rows, regions="random", lambda_=1.0, seed=seed)
    return folder


def compared(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tested checkpoints of all runs in a folder, and the models that are reported of them."""
    tested = labelled(read_results([folder]).tested)
    return tested, reported(tested)


def _guided(gain: float, seed: int) -> list[dict[str, Any]]:
    """Three epochs: the second is the representative one, the third has lost too much F1."""
    more = controls(0.7, 0.6) | of_classes(0.6, 0.3 + gain)
    drop = [0.0, 0.02, 0.10]
    return [
        scores(0.70 + 0.02 * seed - lost, 0.30 + gain * (place + 1) / 2, **more)
        for place, lost in enumerate(drop)
    ]
