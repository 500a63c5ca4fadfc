"""Settings: every number has a range, every value a type, and a file holds nothing but plain values."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from model_guidance.errors import UserError
from model_guidance.training.config import Config
from model_guidance.training.config_file import load
from model_guidance.training.unused import unused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((field.name, -1) for field in fields(Config) if type(field.default) in (int, float)),
        ("seed", 20240101123456789012),
        ("annotation_seed", 2**32),
        ("lr", 1e38),
        ("lr", 0),
        ("lr", float("nan")),
        ("lambda_", float("inf")),
        ("dilate", float("nan")),
        ("size", 10**9),
        ("workers", 10**6),
        ("annotated", 0.0),
        ("guided_part", 1.5),
        ("composites", float("nan")),
        ("composites", 101.0),
        ("precision", "bf16-true"),
        ("epochs", "3"),
        ("epochs", 2.5),
        ("epochs", True),
        ("backbone", 5),
        ("options", {1: 2}),
        ("options", {"count": object()}),
        ("compile", "yes"),
    ],
)
def test_a_wrong_value_is_named_as_the_option(name: str, value: Any):
    with pytest.raises(UserError, match=rf"^--{name.strip('_')} "):
        Config(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("filler", "mean"), ("replaced", "both"), ("composites_weight", 2.0)]
)
def test_settings_of_composites_need_some(name: str, value: Any):
    with pytest.raises(UserError, match=f"^--{name} {value}: there are no composites without --composites"):
        Config(**{name: value})
    assert getattr(Config(**{name: value}, composites=0.5), name) == value


def test_what_is_written_is_read(tmp_path: Path):
    config = Config(options={"count": 3, "deep": {"list": [1, "a", None]}}, lr=1e-30, root="données")
    (tmp_path / "config.yaml").write_text(config.yaml(), encoding="utf-8")
    assert load(tmp_path / "config.yaml") == config


def test_a_layout_is_of_its_layer_only():
    config = Config(layer="blocks.5", layout="tokens:1")
    assert config.explained_by("gradcam", "blocks.5").layout == "tokens:1"
    assert config.explained_by("gradcam", "input").layout is None


@pytest.mark.parametrize(("given", "kept"), [(64, 64), ("64x64", 64), ("64", 64), ("48x32", "48x32")])
def test_a_square_is_written_as_its_side(given: Any, kept: Any, tmp_path: Path):
    config = Config(size=given)
    assert config.size == kept
    (tmp_path / "config.yaml").write_text(config.yaml(), encoding="utf-8")
    assert load(tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"loss": "energy", "annotated": 1.0, "regions": "masks", "checkpoint": True}, None),
        ({"loss": "l1", "dilate": 0.1}, "--loss l1, --dilate 0.1"),
        ({"compile": True, "annotated_images": "a.txt"}, "--compile True, --annotated_images a.txt"),
        ({"loss": "l1", "dilate": 0.1, "composites": 0.5}, "--loss l1"),
        ({"guided_part": 0.5, "reduction": "sum", "lambda_": 1.0}, None),
        ({"loss": "l1", "target_epg": 0.5}, None),
    ],
)
def test_what_a_training_without_guidance_leaves_unused_is_said(settings, expected):
    before = "not used in this training, nothing is guided without --lambda: "
    assert unused(Config(**settings)) == (expected and before + expected)
