"""What people's loops and networks look like: frozen parts, several batches, half precision, no effect."""

import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from tests.asserts import assert_same
from tests.attribution import tiny
from tests.guidance.annotated import regions
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.utils.checkpoint import checkpoint

from model_guidance.attribution import attribute
from model_guidance.effect import PATIENCE
from model_guidance.errors import UserError
from model_guidance.guidance import Guidance
from model_guidance.guided import guided_images
from model_guidance.losses import energy
from model_guidance.types import Regions

LABELS = torch.tensor([0, 1, 2, 0, 1])
ANNOTATED = regions((0, 0), (0, 1), (2, 2), (3, 0), (4, 0))


def gradient(model: nn.Module) -> Tensor:
    return torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None])


def part_of(whole: Regions, first: int, last: int) -> Regions:
    """Return the regions of the images first to last - 1, numbered from 0."""
    inside = (whole.pairs.image_index >= first) & (whole.pairs.image_index < last)
    kept = whole[inside]
    return Regions(type(kept.pairs)(kept.pairs.image_index - first, kept.pairs.class_index), kept.masks)


@pytest.mark.parametrize("method", ["ixg", "gradcam"])
def test_accumulated_gradients_are_those_of_the_whole_batch(method: str):
    model, images = tiny.build("xdnn"), tiny.images(5)
    guidance = Guidance(model, method, "mid2")
    (guidance(images, LABELS, ANNOTATED)[1]).backward()
    whole = gradient(model)
    model.zero_grad()
    parts = [(images[a:b], LABELS[a:b], part_of(ANNOTATED, a, b)) for a, b in ((0, 2), (2, 5))]
    number = sum(guided_images(labels, each) for _, labels, each in parts)
    assert number == 3
    for batch in parts:
        guidance(*batch, normalizer=number)[1].backward()
    assert whole.any()
    assert_same(gradient(model), whole)


def test_a_normalizer_belongs_to_the_mean():
    with pytest.raises(UserError, match="normalizer"):
        Guidance(tiny.build("xdnn"), reduction="sum")(tiny.images(5), LABELS, ANNOTATED, normalizer=3)


@pytest.mark.parametrize("kind", ["plain", "xdnn", "plain-training"])
@pytest.mark.parametrize("layer", ["input", "mid2"])
@pytest.mark.parametrize("trained", ["network.fc", "network.layer4", "network.stem"])
def test_what_is_not_frozen_learns_as_if_nothing_were(kind: str, layer: str, trained: str):
    found = []
    for frozen in (True, False):
        model = tiny.build(kind)
        model.requires_grad_(not frozen)
        part = model.get_submodule(trained).requires_grad_(True)
        Guidance(model, layer=layer)(tiny.images(5), LABELS, ANNOTATED)[1].backward()
        found.append(gradient(part))
    assert found[0].any()
    assert_same(found[0], found[1])


def test_a_frozen_network_is_refused_before_training():
    guidance = Guidance(tiny.build("plain").requires_grad_(False), layer="mid2")
    with pytest.raises(UserError, match="model: all of its parameters are frozen"):
        guidance(tiny.images(5), LABELS, ANNOTATED)
    with torch.no_grad():
        assert guidance(tiny.images(5), LABELS, ANNOTATED)[1] > 0


@pytest.mark.parametrize("kind", ["plain", "xdnn", "plain-training"])
def test_validation_in_inference_mode(kind: str):
    guidance = Guidance(tiny.build(kind), layer="input")
    expected = guidance(tiny.images(5), LABELS, ANNOTATED)
    with torch.inference_mode():
        torch.manual_seed(0)
        found = guidance(tiny.images(5), LABELS.clone(), ANNOTATED.map(torch.clone))
    for mine, theirs in zip(found, expected, strict=True):
        assert_same(mine, theirs)


class Cut(nn.Module):
    """A network whose logits do not know where they came from."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.conv(images).detach().mean((2, 3))


class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return 2 * ctx.saved_tensors[0] * gradients[0]


class Middle(nn.Module):
    """A network with such an operation between its layers."""

    def __init__(self, middle: Callable[[Tensor], Tensor]):
        super().__init__()
        self.first, self.fc, self.middle = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3), middle

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.middle(self.first(images)).mean((2, 3)))


@pytest.mark.parametrize(
    ("middle", "said"),
    [
        (Squared.apply, "model: Squared behind this layer has no second derivative"),
        (torch.ops.aten.hardsigmoid, "model: an operation behind this layer has no second derivative"),
        (
            lambda x: checkpoint(torch.tanh, x, use_reentrant=True),
            "model: it saves memory .*use_reentrant=False",
        ),
    ],
)
@pytest.mark.parametrize("layer", ["input", "first"])
def test_networks_without_a_second_derivative(middle: Callable[[Tensor], Tensor], said: str, layer: str):
    model, images = Middle(middle), tiny.images(5).float()
    with pytest.raises(UserError, match=said):
        Guidance(model, layer=layer)(images, LABELS, ANNOTATED)
    with pytest.raises(UserError, match=said):
        attribute(model, images, LABELS, layer=layer, create_graph=True)


def quantised() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(tiny.build("plain").float(), {nn.Linear})


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Cut, "the logits do not depend on"),
        (lambda: torch.jit.trace(Cut(), torch.rand(1, 3, 8, 8)), "model: it is scripted or traced"),
        (quantised, "model: network.fc is quantised"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_networks_that_cannot_be_guided(model: object, said: str):
    network, images = model(), tiny.images(5).float()
    for use in (
        lambda: Guidance(network, layer="input")(images, LABELS, ANNOTATED),
        lambda: attribute(network, images, LABELS, layer="input"),
    ):
        with pytest.raises(UserError, match=said):
            use()


def test_a_network_sharded_in_parts_is_refused_before_training():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        guidance = Guidance(tiny.build("plain"), layer="mid2")
        fully_shard(guidance.model.network.layer1, mesh=init_device_mesh("cpu", (1,)))
        with pytest.raises(UserError, match=r"model: network.layer1 is sharded .* fully_shard\(guidance\)"):
            guidance(tiny.images(5), LABELS, ANNOTATED)
    finally:
        dist.destroy_process_group()


class Sine(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x)  # has no adjoint of ours: autograd does it


def convolutional(middle: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    first = [nn.Conv2d(3, 8, 3, 2, 1), middle(), nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU()]
    return nn.Sequential(*first, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))


@pytest.mark.parametrize("method", ["ixg", "gradcam", pytest.param("intgrad", marks=pytest.mark.slow)])
@pytest.mark.parametrize("middle", [nn.ReLU, Sine])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 5e-3), (torch.bfloat16, 5e-2)])
def test_half_precision_on_every_path(
    method: str, middle: type[nn.Module], dtype: torch.dtype, tolerance: float
):
    guidance = Guidance(convolutional(middle), method, "0" if method == "gradcam" else "input")
    images = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    drawn = ANNOTATED[1:]
    guidance(images, LABELS, drawn)[1].backward()
    precise = gradient(guidance)
    guidance.zero_grad()
    optimizer = torch.optim.SGD(guidance.parameters(), 0.0)
    inside = method == "gradcam"  # there the features' own gradient has to fit into float16 as well
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**7 if inside else 2.0**16)  # the latter is torch's
    with torch.autocast("cpu", dtype):
        localization = guidance(images, LABELS, drawn)[1]
    assert localization.dtype == torch.float32
    scaler.scale(localization).backward()
    scaler.unscale_(optimizer)
    assert precise.any()
    assert (gradient(guidance) - precise).norm() < tolerance * precise.norm()


def test_nothing_is_said_where_guidance_works():
    guidance = Guidance(tiny.build("xdnn"), layer="mid2")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        guidance(tiny.images(5), LABELS, ANNOTATED)
        guidance(tiny.images(5), LABELS, None)
    assert said == []


def opposed() -> nn.Module:
    model = tiny.build("xdnn")
    with torch.no_grad():
        model.network.fc.weight.copy_(-model.network.fc.weight.abs())
        model.network.fc.bias.zero_()
    return model


@pytest.mark.parametrize(
    ("model", "layer", "labels", "size", "said"),
    [
        (tiny.build("plain"), "mid2", torch.tensor([2, 2, 0, 1, 1]), 8, "labels: no class"),
        (opposed(), "final", LABELS, 8, "maps: none has a positive value"),
        (tiny.build("xdnn"), "network.layer4", LABELS, 2, "layer 'network.layer4': its maps have one pixel"),
    ],
)
def test_guidance_without_effect_is_said_once(
    model: nn.Module, layer: str, labels: Tensor, size: int, said: str
):
    guidance = Guidance(model, layer=layer)
    annotated = Regions(ANNOTATED.pairs, ANNOTATED.masks[:, :size, :size])
    with pytest.warns(UserWarning, match=f"^{said}") as found:
        [guidance(tiny.images(5, size), labels, annotated) for _ in range(PATIENCE + 2)]
    assert len(found) == 1, [str(each.message) for each in found]


def test_a_step_without_effect_now_and_then_is_nothing_to_speak_of():
    guidance = Guidance(tiny.build("xdnn"), layer="mid2")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for step in range(2 * PATIENCE):
            guidance(tiny.images(5), (LABELS + (step % PATIENCE > 0)) % 3, ANNOTATED[2:3])
    assert said == []


def test_the_sum_over_images_is_what_counts_them():
    assert guided_images(LABELS, ANNOTATED) == 3
    assert guided_images(F.one_hot(LABELS), ANNOTATED) == 3
    assert guided_images(torch.ones(5), regions((0, 0), (3, 0))) == 2
    assert guided_images(LABELS, regions()) == guided_images(LABELS, None) == 0
    single = torch.tensor([True, False, True, False, False])
    assert guided_images(single, regions((0, 0), (1, 0), (2, 0))) == 2
    assert guided_images(single.float(), regions((0, 0), (1, 0), (2, 0))) == 2


class Gated(nn.Module):
    """A network that takes a mask of each image and a number besides."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3)
        self.double()

    def forward(self, images: Tensor, mask: Tensor, *, power: int = 1) -> Tensor:
        gated = self.first(images).relu().pow(power) * mask
        return self.fc(gated.mean((2, 3)))


@pytest.mark.parametrize("layer", ["input", "first", "final"])
@pytest.mark.parametrize("method", ["ixg", "intgrad"])
@pytest.mark.parametrize("wrap", [nn.Identity, torch.compile])
def test_a_network_that_takes_more_than_images(layer: str, method: str, wrap: Any):
    model, images = Gated(), tiny.images(5)
    mask = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1)).double()
    wrapped = model if wrap is nn.Identity else wrap(model)
    guidance = Guidance(wrapped, method, layer)
    logits, localization = guidance(images, LABELS, ANNOTATED, arguments={"mask": mask, "power": 2})
    localization.backward()
    bound = Middle(lambda features: features.relu().pow(2) * mask).double()
    bound.load_state_dict(model.state_dict())
    layer = "first" if layer == "final" else layer
    with torch.no_grad():
        assert_same(logits, bound(images))
    maps = attribute(wrapped, images, LABELS, method, layer, arguments={"mask": mask, "power": 2})
    trained = attribute(bound, images, LABELS, method, layer, create_graph=True)
    assert_same(maps, trained)
    owners, classes = ANNOTATED.pairs.image_index, ANNOTATED.pairs.class_index
    present = LABELS[owners] == classes
    energy(trained[owners[present]], ANNOTATED.masks[present]).mean().backward()
    assert_same(gradient(model), gradient(bound))


def test_arguments_that_a_network_does_not_take():
    with pytest.raises(UserError, match="arguments: the model's forward takes no 'masks' besides the images"):
        Guidance(Gated())(tiny.images(5), LABELS, ANNOTATED, arguments={"masks": 1})


def test_maps_inside_of_what_is_compiled_are_refused():
    model = Middle(F.relu).double()
    compiled = torch.compile(lambda images: attribute(model, images, LABELS, layer="first"), backend="eager")
    with pytest.raises(UserError, match="torch.compile: maps are taken inside"):
        compiled(tiny.images(5))


@pytest.mark.slow
def test_threads_take_turns_and_leave_the_compiler_as_it_was():
    networks = [tiny.build("xdnn") for _ in range(2)]
    start = threading.Barrier(2)

    def maps(model: nn.Module) -> Tensor:
        start.wait()
        return torch.stack([attribute(model, tiny.images(5), LABELS, layer="mid2") for _ in range(30)])

    with ThreadPoolExecutor(2) as pool:
        for found, model in zip(pool.map(maps, networks), networks, strict=True):
            assert_same(found[0], attribute(model, tiny.images(5), LABELS, layer="mid2"))
            assert (found == found[0]).all()
    compiled = torch.compile(lambda x: x + torch.compiler.is_compiling(), backend="eager")
    assert compiled(torch.zeros(3)).sum() == 3
