"""What users import: listed, loaded at first use, and usable with the core packages alone."""

import importlib
import inspect

import pytest
import torch

import model_guidance as mg
from model_guidance.report.show import show
from tests.asserts import assert_same


@pytest.mark.parametrize(
    "package", ["", ".data", ".losses", ".metrics", ".attribution", ".models", ".selection"]
)
def test_what_is_public_is_listed_and_there(package: str):
    module = importlib.import_module(f"model_guidance{package}")
    assert sorted(dir(module)) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name).__doc__ or not inspect.isroutine(getattr(module, name)), name
    with pytest.raises(AttributeError):
        _ = module.nonsense


def test_layers_of_a_network():
    model, images = mg.models.build("small", 2), torch.rand(2, 3, 32, 48)
    found = {layer.name: layer for layer in mg.layers(model, images)}
    assert found["input"][1:] == (32, 48, "NCHW", "input")
    assert found["network.layer4"][1:] == (8, 12, "NCHW", "final")
    for name in found:
        assert mg.attribute(model, images, [0, 1], layer=name).shape == (2, 32, 48)


def test_a_picture_of_a_map():
    torch.manual_seed(0)
    model, image = mg.models.build("bcos_small", 2).eval(), torch.rand(3, 32, 48)
    assert show(model, image).get_axes()
    with pytest.raises(mg.UserError, match="image"):
        show(model, image[None])
    with pytest.raises(mg.UserError, match="classes"):
        show(model, image, class_index=2)


def test_a_trained_run_can_be_loaded(tmp_path):
    settings = {"options": {"count": 16}, "size": 32, "epochs": 1, "batch": 16, "workers": 0, "seed": 3}
    config = mg.Config(
        backbone="small", method="gradcam", accelerator="cpu", cache=str(tmp_path / "c"), **settings
    )
    mg.train_run(config, tmp_path / "run")
    model = mg.load(tmp_path / "run", "last")
    assert not model.training
    images = torch.rand(1, 3, 32, 32)
    assert_same(mg.attribute(model, images, [1]), mg.attribute(model, images, [1], "gradcam", "final"))
