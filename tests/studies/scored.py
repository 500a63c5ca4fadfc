"""Tested checkpoints with known scores, as `read_results` tabulates them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

DEFAULTS: dict[str, Any] = {
    "run": "run",
    "data": "voc",
    "backbone": "resnet50",
    "explainer": "ixg@final",
    "own": True,
    "kind": "best",
    "role": "guided",
    "localization loss": "energy",
    "lambda": 0.5,
    "annotated": 1.0,
    "dilate": 0.0,
    "replicate": "0/0",
    "epochs": 3,
    "f1": 0.7,
    "epg": 0.3,
    "iou": 0.2,
    "on_object_epg": 0.5,
}
SCORES = ("f1", "epg", "iou", "on_object_epg")
Row = dict[str, Any]


def row(**changes: Any) -> Row:
    """A tested checkpoint; its validation scores are those of the test unless `val` says otherwise."""
    changes = {{"loss": "localization loss", "lambda_": "lambda"}.get(k, k): v for k, v in changes.items()}
    validation: Mapping[str, float] = changes.pop("val", {})
    made = {**DEFAULTS, **changes}
    return made | {f"val {name}": validation.get(name, made[name]) for name in SCORES}


def baseline(**changes: Any) -> Row:
    return row(**{"role": "baseline", "lambda_": 0.0, **changes})


def continued(**changes: Any) -> Row:
    return baseline(**{"role": "baseline, continued", **changes})


def table(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows)


def four(score: str, values: tuple[float, float, float, float], **changes: Any) -> list[Row]:
    """A baseline, and the four losses with these values of a score."""
    losses = zip(("energy", "l1", "ppce", "rrr"), values, strict=True)
    return [baseline(**changes), *(row(loss=loss, **{score: value}, **changes) for loss, value in losses)]
