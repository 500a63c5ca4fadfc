"""Weights, state and history of a run."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from model_guidance.files import write

Row = dict[str, float]


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write a plain state dict as safetensors."""
    write(path, save({name: value.detach().cpu().contiguous() for name, value in weights.items()}))


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write what is needed to continue: tensors, numbers and text only, so that it can be read safely."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write(path, buffer.getvalue())


def read_state(path: Path) -> dict[str, Any] | None:
    """Return what `write_state` wrote, or None if there is nothing."""
    return torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else None


def write_history(folder: Path, rows: Sequence[Row]) -> None:
    """Write one row per epoch, as CSV (for people) and as JSON lines (for programs)."""
    table = io.StringIO()
    writer = csv.DictWriter(table, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    write(folder / "metrics.csv", table.getvalue().encode())
    write(folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
