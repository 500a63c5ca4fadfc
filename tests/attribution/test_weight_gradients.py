"""The gradient that reaches every weight, through every attribution at every depth, by finite differences."""

from functools import partial

import pytest
import torch
from tests.attribution import tiny

from model_guidance.attribution import METHODS, attribute
from model_guidance.attribution.integrated_gradients import integrated_gradients
from model_guidance.losses import LOSSES
from model_guidance.models.backbone import Backbone

LAYERS = ["input", "mid1", "mid2", "mid3", "final"]
KINDS = ["plain", "plain-training", "xdnn", "bcos", "bcos-training"]
CASES = [
    (kind, method, layer)
    for kind in KINDS
    for method in ("ixg", "intgrad", "gradcam", "bcos")
    for layer in LAYERS
    if method != "bcos" or kind.startswith("bcos")
]
STEP = 1e-7  # small: where a ReLU switches, the map of a plain network jumps


def losses(model: Backbone, method: str, layer: str, create_graph: bool) -> torch.Tensor:
    maps = attribute(model, tiny.images(), [[0, 2], [1]], method, layer, create_graph)
    masks = torch.zeros(maps.shape, dtype=torch.bool)
    masks[0, 1:5, 2:7], masks[1, 4:, :3], masks[2, :6, 3:] = True, True, True
    return torch.stack([loss(maps, masks).sum() for loss in LOSSES.values()])


def gradients(model: Backbone, method: str, layer: str) -> list[torch.Tensor]:
    """For each parameter the gradients of all losses, Float[losses entries]."""
    values = losses(model, method, layer, create_graph=True)
    weights = list(model.parameters())
    rows = [
        torch.autograd.grad(value, weights, retain_graph=True, materialize_grads=True) for value in values
    ]
    return [torch.stack([row[i].flatten() for row in rows]) for i in range(len(weights))]


@torch.no_grad()
def slope(model: Backbone, weights: torch.Tensor, direction: torch.Tensor, method: str, layer: str):
    """Central difference of all losses along one direction of one parameter, Float[losses]."""
    start, ends = weights.clone(), []
    for step in (STEP, -STEP):
        weights.copy_(start + step * direction.view_as(weights))
        ends.append(losses(model, method, layer, create_graph=False))
    weights.copy_(start)
    return (ends[0] - ends[1]) / (2 * STEP)


def check(model: Backbone, method: str, layer: str, directions_of) -> None:
    found = gradients(model, method, layer)
    scale = torch.stack([g.abs().amax(dim=1) for g in found]).amax(dim=0)  # one per loss
    assert (scale > 1e-3).all()
    for (name, weights), gradient in zip(model.named_parameters(), found, strict=True):
        for direction in directions_of(weights.numel()):
            error = (gradient @ direction - slope(model, weights, direction, method, layer)).abs() / scale
            assert (error < 1e-5).all(), f"{name}: {dict(zip(LOSSES, error.tolist(), strict=True))}"


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METHODS, "intgrad", partial(integrated_gradients, steps=2))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "method", "layer"), CASES)
def test_along_a_random_direction_of_every_parameter(kind: str, method: str, layer: str):
    """A dense direction: an error in any single weight would show."""

    def random_unit(size: int):
        direction = torch.randn(size, generator=torch.Generator().manual_seed(size), dtype=torch.float64)
        return [direction / direction.norm()]

    check(tiny.build(kind), method, layer, random_unit)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["xdnn", "bcos", pytest.param("bcos-training", marks=pytest.mark.slow)])
def test_every_single_weight(kind: str):
    method = "bcos" if kind.startswith("bcos") else "ixg"
    check(tiny.build(kind), method, "mid3", lambda size: torch.eye(size, dtype=torch.float64))
