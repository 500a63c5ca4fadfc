"""The published networks, read from the published file formats, against an independent implementation."""

from pathlib import Path

import pytest
import torch
from tests.asserts import assert_same
from tests.capturing import features_at
from tests.models.conftest import Reference
from torch import Tensor

from model_guidance.attribution import METHODS
from model_guidance.models import weights, xdnn
from model_guidance.models.backbone import Backbone
from model_guidance.models.bcos import resnet as bcos
from model_guidance.types import Pairs

TOLERANCE = 1e-6  # the published values are stored in float32
IMAGE_0_CLASS_10 = Pairs(torch.tensor([0]), torch.tensor([10]))


def assert_reproduces(reference: Reference, model: Backbone, method: str, no_bias: Tensor | float) -> None:
    values = reference.values
    at_input = features_at(model, reference.images[:1], "input", attached=False)
    assert_same(at_input.logits[0] + no_bias, values["logits"], TOLERANCE)
    map_input = METHODS[method](model, at_input, IMAGE_0_CLASS_10, False)
    assert_same(map_input[0], values["map_input"], TOLERANCE)

    final = features_at(model, reference.images, "final", attached=False)
    assert_same(final.features.abs().mean(), values["final_features_absmean"], TOLERANCE)
    map_final = METHODS[method](model, final, IMAGE_0_CLASS_10, False)
    assert_same(map_final[0], values["map_final"], TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["bcos_resnet50"], indirect=True)
def test_bcos_resnet50(reference: Reference, tmp_path: Path):
    model = bcos.build(20, 50).double().eval()
    published = {f"0.{name.removeprefix('0.')}": value for name, value in reference.state.items()}
    torch.save(published, tmp_path / "resnet_50-x.pth")
    weights.load(model, tmp_path / "resnet_50-x.pth")
    assert_reproduces(reference, model, "bcos", 0.0)


@pytest.mark.parametrize("reference", ["xdnn_resnet50"], indirect=True)
def test_xdnn_resnet50(reference: Reference, tmp_path: Path):
    """The published file has no bias of the classifier: with it left out, all logits miss exactly it."""
    model = xdnn.build(20, 50).double().eval()
    bias = reference.state.pop("fc.bias")
    state = {f"module.{name}": value for name, value in reference.state.items()}
    torch.save({"state_dict": state, "epoch": 95, "arch": "xfixup_resnet50"}, tmp_path / "x.pth.tar")
    weights.load(model, tmp_path / "x.pth.tar")
    assert_reproduces(reference, model, "ixg", bias)
