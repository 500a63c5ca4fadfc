"""The settings of a run as a file: reading back what `Config.yaml` wrote."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import yaml

from model_guidance.errors import UserError, first_of
from model_guidance.files import is_there, read_text
from model_guidance.training.config import Config

# What every version has written: a YAML file without them is none of ours.
OLDEST = ("data", "size", "backbone", "layer", "loss", "lambda", "epochs", "batch", "lr", "seed")


def load(path: Path) -> Config:
    """Read settings that `Config.yaml` wrote; raises `UserError` if there are none or they are damaged."""
    if not is_there(path):
        below = sorted(each.parent for each in path.parent.glob(f"*/{path.name}"))
        hint = f"; there are runs in it, name one: {first_of(below)}" if below else ""
        raise UserError(f"{path.parent}: this is no run folder, it has no {path.name}{hint}")
    content = read_yaml(path)
    names = {field.name.strip("_"): field.name for field in fields(Config)}
    if not isinstance(content, dict):
        raise UserError(f"{path}: these are no settings of a run")
    for name in content:
        if name not in names:
            raise UserError(f"{path}: these are no settings of this version of model-guidance ('{name}')")
    for name in OLDEST:
        if name not in content:
            raise UserError(f"{path}: these are no settings of a run, '{name}' is missing")
    try:
        return msgspec.convert({names[name]: value for name, value in content.items()}, Config)
    except msgspec.ValidationError as error:
        raise UserError(f"{path}: damaged settings: {error}") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds, all of it plain; raises `UserError` naming the file."""
    text = read_text(path)
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: this is no plain YAML ({error})") from error
