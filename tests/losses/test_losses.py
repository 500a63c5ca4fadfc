"""Localization losses: by hand, by loops, and what every one of them must survive."""

from math import log

import pytest
import torch
from tests.asserts import assert_same
from torch import Tensor
from torch.autograd import gradcheck

from model_guidance.losses import LOSSES
from model_guidance.metrics import energy_pointing_game

MAP = torch.tensor([[[2.0, -1.0, 0.0], [1.0, 4.0, -2.0], [0.0, 0.0, 1.0]]], dtype=torch.float64)
MASK = torch.tensor([[[1, 1, 0], [1, 1, 0], [0, 0, 0]]], dtype=torch.bool)
GOLDEN = {
    "energy": 1 - 7 / 8,
    "l1": (0.5 + 1 + 0.75 + 0 + 0.25) / 9,
    "ppce": -(log(0.5) + log(1e-7) + log(0.25) + log(1)) / 4,
    "rrr": 0.5**2 + 0.25**2,
}
WHEN_ZERO = {"energy": 1, "l1": 4 / 9, "ppce": -log(1e-7), "rrr": 0}
MAPS = {
    "random": torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64),
    "zero": torch.zeros(1, 3, 3, dtype=torch.float64),
    "negative": -MAP.abs() - 1,
    "constant": torch.ones(1, 3, 3, dtype=torch.float64),
    "one pixel": torch.eye(9, dtype=torch.float64)[4].view(1, 3, 3),
}
MASKS = {"some": MASK, "empty": torch.zeros_like(MASK), "full": torch.ones_like(MASK)}
every_loss = pytest.mark.parametrize("name", LOSSES)
every_map = pytest.mark.parametrize("maps", MAPS.values(), ids=MAPS)
every_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)


def slow(name: str, attribution: list[float], mask: list[bool]) -> float:
    """The formulas of the paper, pixel by pixel."""
    positive = [max(a, 0.0) for a in attribution]
    unit = [a / max(positive) for a in positive]
    if name == "energy":
        return 1 - sum(a for a, m in zip(positive, mask, strict=True) if m) / sum(positive)
    if name == "l1":
        return sum(abs(m - a) for a, m in zip(unit, mask, strict=True)) / len(mask)
    if name == "ppce":
        return -sum(log(max(a, 1e-7)) for a, m in zip(unit, mask, strict=True) if m) / sum(mask)
    largest = max(abs(a) for a in attribution)
    return sum((a / largest) ** 2 for a, m in zip(attribution, mask, strict=True) if not m)


@pytest.fixture(autouse=True)
def denormal_numbers():
    """Have them in every test: a training, which may have run before in this process, does without them."""
    torch.set_flush_denormal(False)


def value_and_gradient(name: str, maps: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    maps = maps.clone().requires_grad_()
    value = LOSSES[name](maps, mask)
    return value.detach(), torch.autograd.grad(value.sum(), maps)[0]


def test_golden_values():
    found = {name: LOSSES[name](MAP, MASK).item() for name in LOSSES}
    assert found == pytest.approx(GOLDEN, rel=1e-12)
    assert {name: LOSSES[name](0 * MAP, MASK).item() for name in LOSSES} == pytest.approx(WHEN_ZERO)


@every_loss
def test_slow_twin(name: str):
    torch.manual_seed(0)
    maps, masks = torch.randn(5, 6, 7).double(), torch.rand(5, 6, 7) > 0.6
    pairs = zip(maps.flatten(1).tolist(), masks.flatten(1).tolist(), strict=True)
    expected = torch.tensor([slow(name, *pair) for pair in pairs], dtype=torch.float64)
    assert_same(LOSSES[name](maps, masks), expected)


@every_loss
@every_map
@every_mask
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_always_finite(name: str, maps: Tensor, mask: Tensor, dtype: torch.dtype):
    value, gradient = value_and_gradient(name, maps.to(dtype), mask)
    assert value.isfinite().all()
    assert value.dtype == dtype
    assert -1e-6 <= value.item() <= {"energy": 1, "l1": 1, "ppce": 17, "rrr": 9}[name] + 1e-6
    assert gradient.isfinite().all()


@every_loss
@pytest.mark.parametrize("scale", [1e-12, 1e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scale_does_not_matter(name: str, scale: float, dtype: torch.dtype):
    maps, tolerance = MAPS["random"].to(dtype), 10 * torch.finfo(dtype).eps
    value, gradient = value_and_gradient(name, maps, MASK)
    scaled, steeper = value_and_gradient(name, scale * maps, MASK)
    assert_same(scaled, value, tolerance)
    assert_same(steeper * scale, gradient, 10 * tolerance)
    assert gradient.any()


@every_loss
@every_map
@every_mask
def test_masks_of_truth_values_and_of_numbers_agree(name: str, maps: Tensor, mask: Tensor):
    for kind in (torch.float32, torch.float64):
        assert torch.equal(LOSSES[name](maps, mask), LOSSES[name](maps, mask.to(kind)))


@every_loss
def test_gradient(name: str):
    torch.manual_seed(0)
    maps, masks = torch.randn(2, 4, 5).double().requires_grad_(), torch.rand(2, 4, 5) > 0.5
    assert gradcheck(lambda a: LOSSES[name](a, masks), maps)


@every_map
@every_mask
def test_energy_and_pointing_game_are_computed_apart_and_add_up_to_one(maps: Tensor, mask: Tensor):
    for valid in (None, MASKS["some"].flip(2)):
        assert_same(
            LOSSES["energy"](maps, mask, valid) + energy_pointing_game(maps, mask, valid), torch.ones(1)
        )


def judged(name: str, attribution: list[float], mask: list[bool], valid: list[bool]) -> float:
    """The formulas with pixels that do not count, pixel by pixel; maxima and totals are the whole map's."""
    positive = [max(a, 0.0) for a in attribution]
    unit, largest = [a / max(positive) for a in positive], max(abs(a) for a in attribution)
    counted = [i for i, v in enumerate(valid) if v]
    outside = [i for i in counted if not mask[i]]
    if name == "energy":
        return sum(positive[i] for i in outside) / sum(positive)
    if name == "l1":
        return sum(abs(mask[i] - unit[i]) for i in counted) / len(counted)
    if name == "ppce":
        inside = [i for i in counted if mask[i]]
        return -sum(log(max(unit[i], 1e-7)) for i in inside) / max(len(inside), 1)
    return sum((attribution[i] / largest) ** 2 for i in outside)


@every_loss
def test_only_valid_pixels_are_judged(name: str):
    torch.manual_seed(0)
    maps, masks, valid = torch.randn(5, 6, 7).double(), torch.rand(5, 6, 7) > 0.6, torch.rand(5, 6, 7) > 0.4
    rows = zip(*(each.flatten(1).tolist() for each in (maps, masks, valid)), strict=True)
    expected = torch.tensor([judged(name, *row) for row in rows], dtype=torch.float64)
    assert_same(LOSSES[name](maps, masks, valid), expected)
    assert torch.equal(LOSSES[name](maps, masks, torch.ones_like(masks)), LOSSES[name](maps, masks))


@every_loss
def test_gradient_of_what_is_judged(name: str):
    torch.manual_seed(1)
    maps = torch.randn(2, 4, 5).double().requires_grad_()
    masks, valid = torch.rand(2, 4, 5) > 0.5, torch.rand(2, 4, 5) > 0.5
    assert gradcheck(lambda a: LOSSES[name](a, masks, valid), maps)


@pytest.mark.parametrize("name", ["energy", "l1", "rrr"])
def test_what_is_to_be_ignored_is_penalised_and_the_rest_is_free(name: str):
    """Nothing but pixels to be ignored: they are `valid`, the mask is everything else."""
    inside = MAP.abs() * MASK
    assert LOSSES[name](inside, ~MASK, MASK) > 0.2
    assert LOSSES[name](MAP.abs() * ~MASK, ~MASK, MASK) == 0
    _, gradient = value_and_gradient(name, inside + 0.5, MASK)
    assert gradient[MASK].any()


@every_loss
@pytest.mark.parametrize("scale", [1e-42, 1e-38, 1e-24, 1e37])
def test_any_magnitude_of_a_float(name: str, scale: float):
    maps = MAPS["random"].float()
    right, _ = value_and_gradient(name, maps, MASK)
    value, gradient = value_and_gradient(name, (maps.double() * scale).float(), MASK)
    assert_same(value, right, 1e-6 if scale > 1e-37 else 0.05)
    assert gradient.isfinite().all()
    assert gradient.any() == (scale > 1e-37)


@every_loss
@pytest.mark.parametrize("scale", [1e-7, 1e-3, 1, 2e4])
def test_any_magnitude_in_half_precision(name: str, scale: float):
    maps = (MAPS["random"] * scale).half()
    value, gradient = value_and_gradient(name, maps.repeat(1, 90, 90), MASK.repeat(1, 90, 90))
    right, _ = value_and_gradient(name, maps.double().repeat(1, 90, 90), MASK.repeat(1, 90, 90))
    assert_same(value, right, 1e-3)
    assert value.dtype == torch.float32
    assert gradient.isfinite().all()


@pytest.mark.parametrize("share", [1.6e-11, 1e-20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_small_shares_survive(share: float, dtype: torch.dtype):
    maps = torch.tensor([[[share, 1.0]]], dtype=dtype)
    inside = torch.tensor([[[True, False]]])
    assert energy_pointing_game(maps, inside).item() == pytest.approx(share, rel=1e-6)
    value, gradient = value_and_gradient("energy", maps, ~inside)
    assert value.item() == pytest.approx(share, rel=1e-6)
    assert gradient[0, 0].tolist() == pytest.approx([1, -share], rel=1e-6)
