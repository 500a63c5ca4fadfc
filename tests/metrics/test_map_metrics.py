"""EPG, IoU and on-object EPG against hand-made maps and loops over pixels."""

import pytest
import torch
from tests.asserts import assert_same
from torch import Tensor

from model_guidance.metrics import energy_pointing_game, on_object_energy, region_iou
from model_guidance.metrics.region_iou import THRESHOLDS, iou_curve

MAP = torch.tensor([[[2.0, -1.0, 0.0], [1.0, 4.0, -2.0], [0.0, 0.0, 1.0]]], dtype=torch.float64)
MASK = torch.tensor([[[1, 1, 0], [1, 1, 0], [0, 0, 0]]], dtype=torch.bool)
OBJECT = torch.tensor([[[0, 0, 0], [1, 1, 1], [0, 0, 0]]], dtype=torch.bool)
EMPTY = torch.zeros_like(MASK)


def random(pairs: int = 6, side: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    shape = (pairs, side, side)
    return torch.randn(shape).double(), torch.rand(shape) > 0.6, torch.rand(shape) > 0.5


def slow_iou(attribution: list[float], mask: list[bool], threshold: float) -> float:
    predicted = [a / max(attribution) > threshold for a in attribution]
    both = sum(p and m for p, m in zip(predicted, mask, strict=True))
    either = sum(p or m for p, m in zip(predicted, mask, strict=True))
    return both / either if either else 0.0


def test_by_hand():
    assert energy_pointing_game(MAP, MASK).item() == pytest.approx(7 / 8, rel=1e-12)
    assert on_object_energy(MAP, MASK, OBJECT).item() == pytest.approx(5 / 7, rel=1e-12)
    assert region_iou(MAP, MASK, 0.0).item() == 3 / 5
    assert region_iou(MAP, MASK, 0.25).item() == 2 / 4, "a pixel at the threshold is not above it"
    assert region_iou(MAP, MASK, 0.9).item() == 1 / 4


def test_energy_pointing_game_by_loops():
    maps, masks, _ = random()
    for found, attribution, mask in zip(energy_pointing_game(maps, masks), maps, masks, strict=True):
        inside = sum(max(a, 0) for a in attribution[mask].tolist())
        assert found.item() == pytest.approx(inside / sum(max(a, 0) for a in attribution.flatten().tolist()))


def test_on_object_energy_by_loops():
    maps, regions, objects = random()
    for found, a, r, o in zip(on_object_energy(maps, regions, objects), maps, regions, objects, strict=True):
        expected = sum(max(x, 0) for x in a[r & o].tolist()) / sum(max(x, 0) for x in a[r].tolist())
        assert found.item() == pytest.approx(expected)


def test_iou_at_every_threshold():
    maps, masks, _ = random()
    maps[0, 0, :4] = maps[0].max() * torch.tensor([0.005, 0.05, 0.5, 0.9])  # exactly at thresholds
    curve = iou_curve(maps, masks)
    assert curve.shape == (6, len(THRESHOLDS))
    for k, threshold in enumerate(THRESHOLDS):
        pairs = zip(maps.flatten(1).tolist(), masks.flatten(1).tolist(), strict=True)
        expected = torch.tensor([slow_iou(*pair, threshold) for pair in pairs], dtype=torch.float64)
        assert_same(curve[:, k], expected)
        assert torch.equal(region_iou(maps, masks, threshold), curve[:, k])


def test_thresholds_ascend_within_the_unit_interval():
    assert list(THRESHOLDS) == sorted(set(THRESHOLDS))
    assert THRESHOLDS[0] > 0
    assert THRESHOLDS[-1] < 1


@pytest.mark.parametrize("scale", [1e-12, 1e6])
def test_scale_does_not_matter(scale: float):
    maps, masks, objects = (each.float() if each.is_floating_point() else each for each in random())
    for metric in (
        lambda a: energy_pointing_game(a, masks),
        lambda a: on_object_energy(a, masks, objects),
        lambda a: region_iou(a, masks, 0.3),
    ):
        assert_same(metric(scale * maps), metric(maps), 1e-6)


@pytest.mark.parametrize("maps", [torch.zeros(1, 3, 3), -torch.ones(1, 3, 3)])
@pytest.mark.parametrize("mask", [MASK, EMPTY])
def test_a_map_without_evidence_scores_zero(maps: Tensor, mask: Tensor):
    assert energy_pointing_game(maps, mask) == 0
    assert on_object_energy(maps, mask, OBJECT) == 0
    assert region_iou(maps, mask, 0.1) == 0


def test_only_valid_pixels_are_judged():
    maps, masks, valid = random()
    positive = maps.relu()
    free = positive * (masks | ~valid)
    assert_same(energy_pointing_game(maps, masks, valid), free.sum((1, 2)) / positive.sum((1, 2)))
    objects = masks.roll(1, 2)
    expected = on_object_energy(maps, masks & valid, objects)
    assert_same(on_object_energy(maps, masks, objects, valid), expected)
    for k, (a, m, v) in enumerate(zip(maps, masks, valid, strict=True)):
        predicted = (a / a.max() > 0.3) & v
        expected = (predicted & m).sum() / (predicted | (m & v)).sum()
        assert region_iou(maps, masks, 0.3, valid)[k].item() == pytest.approx(expected.item())


@pytest.mark.parametrize("scale", [1e-38, 1e37])
def test_any_magnitude_of_a_float(scale: float):
    maps, masks, objects = (each.float() if each.is_floating_point() else each for each in random())
    scaled = (maps.double() * scale).float()
    assert_same(energy_pointing_game(scaled, masks), energy_pointing_game(maps, masks), 1e-5)
    assert_same(on_object_energy(scaled, masks, objects), on_object_energy(maps, masks, objects), 1e-5)
    assert_same(region_iou(scaled, masks, 0.3), region_iou(maps, masks, 0.3))
