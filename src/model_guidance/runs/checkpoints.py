"""Weights and state of a run."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from model_guidance.errors import UserError
from model_guidance.files import check_file, is_there, write
from model_guidance.models import build
from model_guidance.models.backbone import Backbone
from model_guidance.models.weights import load
from model_guidance.runs.folder import CLASSES, LAST, STATE, Run

PARTS = {"optimizer": dict, "history": list}


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write a plain state dict as safetensors."""
    write(path, save({name: value.detach().cpu().contiguous() for name, value in weights.items()}))


def load_model(run: Run, checkpoint: str = "best") -> Backbone:
    """Return a run's network with the weights of `best`, `last` or `front/epoch-NNN`.

    Raises `UserError` if there is no such checkpoint, or if it is damaged or of another network.
    """
    path = run.checkpoint(checkpoint)
    model = build(run.config.backbone, len(run.classes), one_logit=run.config.one_logit)
    try:
        load(model, path, new_head=False)
    except UserError as error:
        raise UserError(f"{error} ({run.folder / CLASSES}: {len(run.classes)} classes)") from error
    return model


def write_state(folder: Path, state: dict[str, Any]) -> None:
    """Write what is needed to continue: tensors, numbers and text only, so that it can be read safely."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write(folder / STATE, buffer.getvalue())


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return what `write_state` wrote, None if there is nothing; raises `UserError` if it is damaged.

    The state of a finished run may lack the weights, which are those of its last checkpoint then.
    """
    path = folder / STATE
    if not is_there(path):
        return None
    check_file(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not all(isinstance(state[name], kind) for name, kind in PARTS.items()):
            raise ValueError("parts are missing")
        model: dict[str, Tensor] = state["model"] if "model" in state else load_file(folder / LAST)
    except Exception as error:  # garbage makes the unpickler raise nearly anything
        raise UserError(
            f"{path}: damaged, the run cannot be continued; delete this file to train it again from the start"
        ) from error
    return {**state, "model": model}
