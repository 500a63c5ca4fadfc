"""Maps by adjoints of ours against autograd's own derivatives: values, weight gradients, statistics."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.asserts import assert_same
from tests.attribution import tiny
from tests.capturing import features_at
from torch import Tensor, nn

import model_guidance as mg
from model_guidance.attribution import METHODS, capture
from model_guidance.autodiff import tape
from model_guidance.autodiff.adjoints.normalisation import BatchNormAdjoint
from model_guidance.guidance import Guidance
from model_guidance.models import build
from model_guidance.types import Pairs, Regions

SEVERAL = [[1, 2], [], [0], [2, 0]]
KINDS = ["plain", "plain-training", "xdnn", "bcos", "bcos-training"]


def images(count: int = 4, size: int = 13) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1)).double()


def by_autograd_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "ADJOINTS", {})
    monkeypatch.setattr(tape, "COMPOSITES", {})


def found(model: nn.Module, method: str, layer: str, classes: Any, create_graph: bool) -> list[Tensor]:
    """Return the maps and, if there is a graph, the gradients that they send to the weights."""
    model.zero_grad()
    maps = mg.attribute(model, images(len(classes)), classes, method, layer, create_graph=create_graph)
    assert maps.requires_grad == create_graph
    if not create_graph:
        return [maps]
    (maps * torch.linspace(-1, 1, maps[0].numel()).view_as(maps[0])).square().sum().backward()
    return [maps.detach(), *(torch.zeros_like(p) if p.grad is None else p.grad for p in model.parameters())]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layer", ["input", "mid2"])
@pytest.mark.parametrize("create_graph", [True, False])
@pytest.mark.parametrize("classes", [SEVERAL, [0, 2, 1, 0]])
def test_equal_to_autograd(
    kind: str,
    method: str,
    layer: str,
    create_graph: bool,
    classes: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    if method == "bcos" and not kind.startswith("bcos"):
        pytest.skip("explains B-cos networks only")
    ours = found(tiny.build(kind), method, layer, classes, create_graph)
    by_autograd_alone(monkeypatch)
    theirs = found(tiny.build(kind), method, layer, classes, create_graph)
    for mine, oracle in zip(ours, theirs, strict=True):
        assert_same(mine, oracle, 1e-11)


@pytest.mark.parametrize("name", ["resnet18", "xdnn_resnet18", "bcos_resnet18", "small"])
@pytest.mark.parametrize("attached", [True, False])
def test_the_families_need_no_autograd(name: str, attached: bool):
    model = build(name, 3).eval()
    method = "bcos" if name.startswith("bcos") else "ixg"
    explanation = capture(model, images().float(), method, "input", create_graph=attached)
    assert explanation.captured.by_adjoints
    assert explanation.captured.separable
    assert explanation.logits.requires_grad == attached


def test_with_batch_statistics_a_map_is_of_the_whole_batch():
    assert not features_at(tiny.build("plain-training"), images(), "input", attached=True).separable
    assert features_at(
        tiny.build("bcos-training"), images(), "input", attached=True, constant_factors=True
    ).separable


@pytest.mark.parametrize("method", ["ixg", "intgrad", "gradcam"])
def test_other_maps_of_bcos_networks_see_the_factors(method: str):
    explanation = capture(tiny.build("bcos"), images(), method, "input", create_graph=True)
    assert not explanation.captured.by_adjoints


class Odd(nn.Module):
    """A network with one operation that is out of the ordinary."""

    def __init__(self, operation: Callable[[Tensor], Tensor]):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, groups=2)
        self.fc, self.operation = nn.Linear(4, 3), operation

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.second(self.operation(self.first(x))).mean((2, 3)))


def _assigned(x: Tensor) -> Tensor:
    x = x.clone()
    x[:, 0] = x[:, 1] * 2
    return x


def _assigned_in_place(x: Tensor) -> Tensor:
    x[:, 0] = 0
    return x


def _in_place_on_a_view(x: Tensor) -> Tensor:
    return F.relu(x.flatten(1), inplace=True).unflatten(1, x.shape[1:]) + x


def _kernel_made_of_features(x: Tensor) -> Tensor:
    return F.conv2d(torch.ones_like(x), x[:1].mean((2, 3)).view(1, 4, 1, 1).expand(4, 4, 1, 1)) + x


@torch.jit.script
def scripted(x: Tensor) -> Tensor:
    return torch.tanh(x) * x


class Reversed(torch.autograd.Function):
    """The derivative that it says it has is not that of its operations."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.mul(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return -gradients[0]


STRANGE = {
    "scripted": scripted,
    "scripted branch": lambda x: x + scripted(x),
    "own derivative": lambda x: F.relu(x) + Reversed.apply(x) * x,
    "torch.func": lambda x: x + torch.vmap(lambda image: image * image)(x),
    "complex": lambda x: x + torch.fft.irfft2(torch.fft.rfft2(x) * 2, s=x.shape[-2:]),
    "erf": torch.erf,
    "assigned": _assigned,
    "assigned in place": _assigned_in_place,
    "view": _in_place_on_a_view,
    "dynamic kernel": _kernel_made_of_features,
    "indices": lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
}
USUAL = {
    "silu": F.silu,
    "cat": lambda x: torch.cat([x[:, :2], x[:, 2:]], dim=1),
    "chunks": lambda x: x.chunk(2, dim=1)[1].repeat(1, 2, 1, 1) + x,
    "product": lambda x: x * x,
    "broadcast": lambda x: x + x.mean((2, 3), keepdim=True),
    "scaled sum": lambda x: torch.add(x, x, alpha=3) + x.add(x, alpha=2),
    "broadcast in place": lambda x: F.avg_pool2d(x, 3, 1, 1).add_(x.mean((2, 3), keepdim=True)),
    "mean of rows": lambda x: x + x.mean(2).mean(2)[:, :, None, None],
    "mean of all": lambda x: x + x.mean(),
    "scaled": lambda x: x.mul(3),
    "in place": lambda x: F.relu(x, inplace=True),
    "sum in place": lambda x: F.avg_pool2d(x, 3, 1, 1).add_(x),
    "twice": lambda x: x + F.relu(x),
    "constant": lambda x: F.relu(x + 0.3) + torch.ones(x.shape).double(),
    "stride": lambda x: F.conv2d(x, torch.ones(4, 1, 3, 2).double(), None, 3, 1, 2, 4) + 1,
    "max pool": lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True),
    "average pool": lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "compiled": lambda x: x + torch.compile(torch.tanh)(x) * x,
    "detour": lambda x: F.relu(x) + 0 * F.relu(x).detach().shape[0],
    "flat": lambda x: F.linear(torch.flatten(x, 1), torch.eye(x[0].numel()).double()).view_as(x) + x,
}


@pytest.mark.parametrize("name", [*STRANGE, *USUAL])
@pytest.mark.parametrize("create_graph", [True, False])
def test_any_network(name: str, create_graph: bool, monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(0)
    model = Odd((STRANGE | USUAL)[name]).double()
    ours = found(model, "ixg", "first", SEVERAL, create_graph)
    by_autograd_alone(monkeypatch)
    theirs = found(model, "ixg", "first", SEVERAL, create_graph)
    for mine, oracle in zip(ours, theirs, strict=True):
        assert_same(mine, oracle, 1e-11)


@pytest.mark.parametrize("name", STRANGE)
def test_what_autograd_is_needed_for(name: str):
    captured = features_at(Odd(STRANGE[name]).double(), images(), "first", attached=True)
    assert not captured.by_adjoints


@pytest.mark.parametrize("name", sorted(set(USUAL) - {"detour", "flat"}))
def test_what_it_is_not_needed_for(name: str):
    captured = features_at(Odd(USUAL[name]).double(), images(), "first", attached=True)
    assert captured.by_adjoints


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: F.dropout(x, 0.5, training=False),
        lambda x: F.dropout(x, 0.0),
        lambda x: x.to(x.dtype).type_as(x).contiguous(),
    ],
)
def test_what_changes_nothing_is_no_step(operation: Callable[[Tensor], Tensor]):
    followed = tape.Tape(torch.clone, constant_factors=False, strict=True)
    with followed:
        output = operation(tape.watch(images()))
    followed.finish(output)
    assert not followed.steps
    assert_same(followed.gradient(images(), None), images())


def test_adjoint_of_batch_normalisation_has_the_right_derivative():
    torch.manual_seed(0)
    x, gradient, weight = torch.randn(4, 3, 2, 2), torch.randn(4, 3, 2, 2), torch.randn(3)
    values = [each.double().requires_grad_() for each in (gradient, x, weight)]

    def adjoint(gradient: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        _, mean, scale = torch.native_batch_norm(x.detach(), weight, None, None, None, True, 0.1, 1e-5)
        return BatchNormAdjoint.apply(gradient, x, weight, mean, scale)

    assert torch.autograd.gradcheck(adjoint, values)


def test_evaluation_keeps_little():
    """Of all values only the signs and the places of maxima are kept, not the features."""
    model = build("resnet18", 3).eval()
    kept: list[int] = []

    def pack(value: Tensor) -> Tensor:
        kept.append(value.numel())
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        explanation = capture(model, images().float(), "ixg", "input")
        explanation.maps(Pairs(torch.arange(4), torch.arange(4) % 3))
    assert not kept


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small", "bcos_small", "resnet18"])
def test_compiled_steps_are_equal(name: str, monkeypatch: pytest.MonkeyPatch):
    original = torch.compile
    monkeypatch.setattr(torch, "compile", lambda call: original(call, backend="aot_eager", fullgraph=True))
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    masks = torch.zeros(3, 33, 33, dtype=torch.bool)
    masks[:, :9, :9] = True
    regions = Regions(Pairs(torch.arange(3), torch.arange(3)), masks)
    method = "bcos" if name.startswith("bcos") else "ixg"
    results = []
    for compile in (False, True):
        torch.manual_seed(0)
        guidance = Guidance(build(name, 3), method, "mid1", compile=compile).double().train()
        for _ in range(3 if compile else 1):  # the first step is not compiled, the others are
            guidance.zero_grad()
            logits, loss = guidance(images(3, 33), labels.double(), regions)
            (F.binary_cross_entropy_with_logits(logits, labels.double()) + loss).backward()
        results.append([logits, loss, *(p.grad for p in guidance.parameters())])
    for compiled, eager in zip(*results, strict=True):
        assert_same(compiled, eager, 1e-11)


def test_what_cannot_be_compiled():
    guidance = Guidance(Odd(torch.erf).double(), "ixg", "first", compile=True)
    regions = Regions(Pairs(torch.arange(4), torch.zeros(4, dtype=torch.long)), torch.ones(4, 13, 13).bool())
    with pytest.raises(mg.UserError, match="compile: ixg maps of .*, because erf has no adjoint"):
        guidance(images(), torch.ones(4, 3).double(), regions)
