"""What each criterion says of energy whose place is known, and which box a map suggests."""

import itertools

import numpy as np
import pytest

from model_guidance.finding.criteria.border import border
from model_guidance.finding.criteria.disagreement import disagreement
from model_guidance.finding.criteria.doubt import doubt
from model_guidance.finding.criteria.typical import typical
from model_guidance.finding.criteria.variety import variety
from model_guidance.finding.observations import GRID, Observations
from model_guidance.finding.strongest_box import strongest_box


def observed(features: np.ndarray | None = None, **given: np.ndarray) -> Observations:
    count = len(next(iter(given.values()))) if features is None else len(features)
    even = np.full((count, GRID, GRID), 1 / GRID**2)
    usual = {"index": np.arange(count), "logits": np.zeros((count, 2)), "classes": np.zeros(count, int)}
    usual |= {"energy": even, "second": even, "features": np.ones((count, 3))}
    return Observations(**usual | given | ({} if features is None else {"features": features}))


NONE = observed(np.zeros((0, 3)))


def at(row: int, column: int) -> np.ndarray:
    energy = np.zeros((GRID, GRID))
    energy[row, column] = 1
    return energy


def test_the_border_is_an_eighth_on_each_side():
    energy = np.stack([np.full((GRID, GRID), 1 / GRID**2), at(1, 8), at(8, 14), at(2, 13), at(8, 8)])
    assert border(observed(energy=energy), NONE) == pytest.approx([1 - 0.75**2, 1, 1, 0, 0])


def test_disagreement_is_what_lies_elsewhere():
    here, there = at(3, 3), at(9, 9)
    first, second = np.stack([here, here, here, 0 * here]), np.stack([here, there, (here + there) / 2, here])
    assert disagreement(observed(energy=first, second=second), NONE) == pytest.approx([0, 1, 0.5, 1])


def test_a_wrong_class_is_more_doubtful_than_an_unsure_one():
    found = doubt(observed(logits=np.array([[9.0, 0], [0.1, 0], [-3, 9]])), NONE)
    assert found == pytest.approx([1 / (1 + np.exp(9)), 1 / (1 + np.exp(0.1)), 1 / (1 + np.exp(-3))])


def test_variety_takes_the_farthest_first_and_begins_far_from_what_is_marked():
    rng = np.random.default_rng(0)
    points, marked = (
        each / np.linalg.norm(each, axis=1, keepdims=True) for each in rng.normal(size=(2, 9, 3))
    )
    order = np.argsort(-variety(observed(points), observed(5 * marked[:2])), kind="stable")
    taken = [*marked[:2]]
    for place in order:
        gaps = [min(np.linalg.norm(point - each) for each in taken) for point in points]
        assert gaps[place] == pytest.approx(max(gaps))
        taken.append(points[place])


def test_variety_takes_one_of_each_kind_before_a_second():
    kinds = np.eye(3)[[0, 0, 0, 0, 1, 1, 2]] + 0.01 * np.random.default_rng(1).normal(size=(7, 3))
    first = np.argsort(-variety(observed(kinds), NONE))[:3]
    assert sorted(np.array([0, 0, 0, 0, 1, 1, 2])[first]) == [0, 1, 2]


def test_typical_images_stand_for_the_most_that_nothing_stands_for_yet():
    """Each next one against every other choice, from the definition; the classes do not see each other."""
    rng = np.random.default_rng(2)
    points, marked, classes = rng.normal(size=(14, 4)), rng.normal(size=(3, 4)), np.arange(14) % 2
    seen = observed(points, classes=classes)
    found = typical(seen, observed(marked, classes=np.array([0, 0, 1])))
    differences = np.concatenate([points, marked]) - points.mean(axis=0)
    units = differences / np.linalg.norm(differences, axis=1, keepdims=True)
    for label, before in ((0, [14, 15]), (1, [16])):
        own, taken = np.flatnonzero(classes == label), list(before)
        for place in own[np.argsort(-found[own], kind="stable")]:
            standing = [standing_for(units, own, [*taken, other]) for other in own]
            assert standing_for(units, own, [*taken, place]) == pytest.approx(max(standing), abs=1e-6)
            assert found[place] == pytest.approx(max(standing) - standing_for(units, own, taken), abs=1e-6)
            taken.append(place)


def standing_for(units: np.ndarray, own: np.ndarray, taken: list[int]) -> float:
    """How well some images stand for those of a class."""
    return float(np.mean([max(0.0, *(units[one] @ units[each] for each in taken)) for one in own]))


def test_the_box_is_that_of_the_peak_and_not_of_another_spot():
    raw = np.zeros((10, 20))
    raw[2:5, 4:8], raw[3, 5], raw[8, 15] = 0.6, 1.0, 0.9
    raw[5, 8] = 0.4
    assert strongest_box(raw) == pytest.approx((4 / 20, 2 / 10, 8 / 20, 5 / 10))
    assert strongest_box(-raw - 1) is None
    for corner in itertools.product((0, 9), (0, 19)):
        raw = np.full((10, 20), -1.0)
        raw[corner] = 1
        x1, y1, x2, y2 = strongest_box(raw) or (0, 0, 0, 0)
        assert (x2 - x1, y2 - y1) == pytest.approx((1 / 20, 1 / 10))
