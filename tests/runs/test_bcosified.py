"""A run of a network made B-cos: trained, loaded, and gone on from, by its name alone."""

from pathlib import Path

import pytest
import torch
from tests.asserts import assert_same
from tests.training.helpers import small

import model_guidance as mg
from model_guidance.runs.train import train_run


@pytest.mark.slow
def test_it_is_trained_and_loaded_by_its_name(tmp_path: Path):
    config = small(tmp_path / "cache", epochs=1, backbone="bcosified/small", layer="input")
    train_run(config, tmp_path / "run")
    model, images = mg.load(tmp_path / "run", "last").double(), torch.rand(2, 3, 32, 32).double()
    assert model.default_method == "bcos"
    maps = mg.attribute(model, images, [0, 1], layer="input")
    assert_same(maps.sum((1, 2)), model(images)[[0, 1], [0, 1]].detach(), 1e-9)
    again = mg.models.build("bcosified/small", 2, tmp_path / "run" / "last.safetensors")
    assert_same(again.double()(images), model(images))
