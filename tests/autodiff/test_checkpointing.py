"""Activation checkpointing: the same step with less memory."""

import pytest
import torch
import torch.nn.functional as F
from tests.asserts import assert_same
from tests.attribution import tiny
from tests.guidance.annotated import regions
from torch import Tensor, nn

from model_guidance.errors import UserError
from model_guidance.guidance import Guidance
from model_guidance.models import build
from model_guidance.models.layers import residual_blocks

ALL = regions((0, 0), (1, 1), (2, 2))
LABELS = torch.ones(3, tiny.CLASSES).double()


def step(model: nn.Module, layer: str, checkpoint: bool) -> list[Tensor]:
    """Return logits, loss, gradients and buffers after a step."""
    method = "bcos" if model.network.kind == "bcos" else "ixg"
    logits, loss = Guidance(model, method, layer, checkpoint=checkpoint)(tiny.images(3), LABELS, ALL)
    total = F.binary_cross_entropy_with_logits(logits, LABELS) + loss
    gradients = torch.autograd.grad(total, list(model.parameters()), materialize_grads=True)
    return [logits, loss, *gradients, *model.buffers()]


@pytest.mark.parametrize("kind", ["plain", "plain-training", "xdnn", "bcos", "bcos-training"])
@pytest.mark.parametrize("layer", ["input", "mid1", "mid3", "final"])
def test_the_same_step(kind: str, layer: str):
    ours, plain = (step(tiny.build(kind), layer, checkpoint) for checkpoint in (True, False))
    for mine, theirs in zip(ours, plain, strict=True):
        assert_same(mine, theirs, 1e-11)


@pytest.mark.filterwarnings("ignore:maps:UserWarning")  # of untrained networks they may be without effect
@pytest.mark.parametrize("name", ["resnet18", "xdnn_resnet18", "bcos_resnet18"])
def test_less_is_kept(name: str):
    kept = {}
    for checkpoint in (True, False):
        model = build(name, tiny.CLASSES).train()
        guidance = Guidance(model, "bcos" if "bcos" in name else "ixg", "input", checkpoint=checkpoint)
        tensors: dict[int, int] = {}

        def pack(value: Tensor, tensors: dict[int, int] = tensors) -> Tensor:
            if not isinstance(value, nn.Parameter):
                tensors[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
            return value

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
            kept[checkpoint] = guidance(torch.rand(3, 3, 64, 64), LABELS.float(), regions_of(64)), tensors
    assert sum(kept[True][1].values()) < 0.8 * sum(kept[False][1].values())


def regions_of(size: int) -> object:
    masks = torch.zeros(3, size, size, dtype=torch.bool)
    masks[:, : size // 2] = True
    return type(ALL)(ALL.pairs, masks)


def test_nothing_is_left_of_it():
    model = tiny.build("plain-training")
    before = [dict(module.__dict__) for module in model.modules()]
    step(model, "mid1", checkpoint=True)
    assert [set(module.__dict__) for module in model.modules()] == [set(each) for each in before]


class Curved(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.erf(x)


def test_a_forward_that_a_block_was_given_is_run_and_stays():
    """As accelerate's hooks do it."""
    model = tiny.build("plain")
    expected = step(model, "mid1", False)
    block = next(iter(residual_blocks(model).values()))
    calls, own = [], block.forward
    block.forward = forward = lambda x: calls.append(x) or own(x)
    for mine, theirs in zip(step(model, "mid1", True), expected, strict=True):
        assert_same(mine, theirs, 1e-11)
    assert calls
    assert vars(block)["forward"] is forward


def test_what_cannot_be_checkpointed():
    model = tiny.build("plain")
    with pytest.raises(UserError, match="compile and checkpoint exclude each other"):
        Guidance(model, layer="mid1", compile=True, checkpoint=True)
    with pytest.raises(UserError, match=r"'network.layer2.0.conv1' lies inside of a block"):
        step_of(Guidance(model, layer="layer2.0.conv1", checkpoint=True))
    plain = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()).double()
    with pytest.raises(UserError, match="no stages of blocks"):
        step_of(Guidance(plain, layer="0", checkpoint=True))
    model.network.layer3[0].relu = Curved()
    with pytest.raises(UserError, match="has no adjoint"):
        step_of(Guidance(model, layer="mid1", checkpoint=True))


def step_of(guidance: Guidance) -> None:
    guidance(tiny.images(3), LABELS, ALL)
