"""The Pareto front against its definition, candidate by candidate."""

from math import inf, isnan, nan

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model_guidance.selection import pareto_front

value = st.one_of(st.integers(-2, 2).map(float), st.sampled_from([nan, inf, -inf]))
tables = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(value, min_size=width, max_size=width), min_size=1, max_size=7)
)


def dominated(one: list[float], by: list[float]) -> bool:
    pairs = [tuple(-inf if isnan(v) else v for v in pair) for pair in zip(one, by, strict=True)]
    return all(b >= a for a, b in pairs) and any(b > a for a, b in pairs)


@given(tables)
def test_by_definition(scores: list[list[float]]):
    expected = [not any(dominated(one, other) for other in scores) for one in scores]
    assert pareto_front(torch.tensor(scores)).tolist() == expected
    assert any(expected)


@pytest.mark.parametrize(
    ("scores", "front"),
    [
        ([[1.0, 2.0], [1.0, 2.0], [0.0, 2.0]], [True, True, False]),
        ([[nan, 1.0], [0.0, 1.0]], [False, True]),
        ([[nan, 2.0], [0.0, 1.0]], [True, True]),
        ([[nan, nan], [nan, nan]], [True, True]),
    ],
)
def test_duplicates_and_missing_scores(scores: list[list[float]], front: list[bool]):
    assert pareto_front(torch.tensor(scores)).tolist() == front


def test_no_candidates():
    assert pareto_front(torch.zeros(0, 3)).tolist() == []


@given(tables, st.integers(0, 12), st.integers(0, 12))
def test_a_larger_tolerance_only_adds(scores: list[list[float]], one: int, more: int):
    small, large = sorted((one / 4, more / 4))
    table = torch.tensor(scores)
    assert (pareto_front(table) <= pareto_front(table, small)).all()
    assert (pareto_front(table, small) <= pareto_front(table, large)).all()


def test_within_the_tolerance_nothing_is_dominated():
    scores = torch.tensor([[0.80, 0.50], [0.79, 0.50], [0.70, 0.50]], dtype=torch.float64)
    assert pareto_front(scores, 0.02).tolist() == [True, True, False]
