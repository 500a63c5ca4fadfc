"""Attribution maps against closed forms, and against captum."""

import pytest
import torch
import torch.nn.functional as F
from captum.attr import InputXGradient, IntegratedGradients, LayerGradCam
from tests.asserts import assert_same
from tests.attribution import tiny
from tests.capturing import features_at
from torch import Tensor, nn

from model_guidance.attribution import METHODS, as_pairs, attribute
from model_guidance.attribution.integrated_gradients import integrated_gradients
from model_guidance.attribution.maps import upsample

CLASSES = [1, 2]


def raw(model: nn.Module, images: Tensor, classes: object, method: str, layer: str) -> Tensor:
    """Return the maps before they are upsampled."""
    forward = features_at(model, images, layer, attached=False)
    return METHODS[method](model, forward, as_pairs(classes, images, tiny.CLASSES), False).detach()


def two_layers() -> nn.Sequential:
    """`logits = V relu(W x)` of all pixels at once."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(12, 5, bias=False), nn.ReLU(), nn.Linear(5, 3, bias=False)
    ).double()


def test_linear_model_by_hand():
    torch.manual_seed(0)
    model, images = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).double(), tiny.images(2, 2)
    weight = model[1].weight.detach()
    weight = torch.stack([weight[c].view(3, 2, 2) for c in CLASSES])
    expected = (weight * images).sum(1)
    for method in ("ixg", "intgrad"):
        assert_same(attribute(model, images, CLASSES, method, "input"), expected)
    mean = weight.mean((2, 3), keepdim=True)
    assert_same(attribute(model, images, CLASSES, "gradcam", "input"), (mean * images).sum(1).relu())


def test_two_layer_relu_model_by_hand():
    model, images = two_layers(), tiny.images(2, 2)
    first, second = model[1].weight.detach(), model[3].weight.detach()
    for image, label in zip(images, CLASSES, strict=True):
        alive = (first @ image.flatten() > 0).double()
        assert 0 < alive.sum() < 5
        gradient = (second[label] * alive) @ first
        found = attribute(model, image[None], [label], "ixg", "input")
        assert_same(found[0], (gradient.view(3, 2, 2) * image).sum(0))


@pytest.mark.parametrize("layer", ["input", "mid1", "mid3"])
def test_input_x_gradient_and_gradcam_are_captums(layer: str):
    model, images = tiny.build("plain"), tiny.images()
    module = model.get_submodule(model.layers[layer])
    gradcam = LayerGradCam(model, module).attribute(images, target=CLASSES, relu_attributions=True)
    assert gradcam.any()
    assert_same(raw(model, images, CLASSES, "gradcam", layer), gradcam.squeeze(1).detach())
    x = model.encode(images).requires_grad_()
    ixg = InputXGradient(model.network).attribute(x, target=CLASSES).sum(1)
    assert_same(raw(model, images, CLASSES, "ixg", "input"), ixg.detach())


def test_integrated_gradients_are_captums():
    model, images = tiny.build("plain"), tiny.images()
    oracle = IntegratedGradients(model.network).attribute(
        model.encode(images), target=CLASSES, method="riemann_middle", n_steps=16
    )
    assert_same(raw(model, images, CLASSES, "intgrad", "input"), oracle.sum(1))
    assert_same(attribute(model, images, CLASSES, "intgrad", "input"), oracle.sum(1))


@pytest.mark.parametrize("steps", [1, 3, 64])
@pytest.mark.parametrize("layer", ["input", "mid2", "final"])
def test_one_pass_through_an_xdnn_is_the_whole_path(layer: str, steps: int):
    model, images = tiny.build("xdnn"), tiny.images()
    once = raw(model, images, CLASSES, "intgrad", layer)
    assert once.dtype == torch.float64
    assert torch.equal(once, raw(model, images, CLASSES, "ixg", layer))
    model.homogeneous = False
    forward = features_at(model, images, layer, attached=False)
    path = integrated_gradients(model, forward, as_pairs(CLASSES, images, tiny.CLASSES), False, steps=steps)
    assert_same(once, path.detach())


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["input", "mid2", "final"])
def test_integrated_gradients_are_complete(layer: str):
    """They sum to the logit minus that of zero features; the midpoint sum gets there as its steps grow."""
    model, images = tiny.build("plain"), tiny.images()
    forward = features_at(model, images, layer, attached=False)
    zero = forward.resume(torch.zeros_like(forward.features)).logits
    expected = (forward.logits - zero)[[0, 1], CLASSES]
    maps = integrated_gradients(model, forward, as_pairs(CLASSES, images, tiny.CLASSES), False, steps=200)
    assert_same(maps.sum((1, 2)), expected, 5e-3)


@pytest.mark.parametrize("kind", ["plain", "xdnn"])
def test_closed_form_at_the_final_layer(kind: str):
    model, images = tiny.build(kind), tiny.images()
    features = features_at(model, images, "final", attached=False).features.detach()
    weights = model.network.fc.weight.detach()[CLASSES]
    expected = torch.einsum("bc,bchw->bhw", weights, features) / features[0, 0].numel()
    assert_same(raw(model, images, CLASSES, "ixg", "final"), expected)


def test_upsampling_is_bilinear_and_keeps_signs():
    model, images = tiny.build("plain"), tiny.images()
    model.network.fc.weight.data[1] *= -1
    small = raw(model, images, CLASSES, "ixg", "final")
    assert small.shape == (2, 2, 2)
    assert small.min() < 0
    up = attribute(model, images, CLASSES, "ixg", "final")
    assert_same(up, F.interpolate(small[None], (8, 8), mode="bilinear", align_corners=False)[0])
    row = upsample(torch.tensor([[[-1.0, 3.0]]]), (1, 4))[0, 0]  # pixel centres at 1/4 and 3/4
    assert row.tolist() == [-1.0, 0.0, 2.0, 3.0]
