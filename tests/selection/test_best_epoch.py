"""Which epoch is the best, by each of the rules."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_guidance.selection import best_epoch

ROWS = [
    {"f1": 0.80, "epg": 0.40},
    {"f1": 0.78, "epg": 0.55},
    {"f1": 0.76, "epg": 0.70},
    {"f1": 0.70, "epg": 0.90},
    {"f1": 0.78, "epg": 0.50},
]


@pytest.mark.parametrize(
    ("goal", "best"),
    [
        ({}, 1),
        ({"target_epg": 0.5}, 5),  # 2 and 5 reach it with the same F1: the later
        ({"target_epg": 0.6}, 3),
        ({"target_epg": 0.95}, 4),  # none reaches it: the nearest
        ({"least": 0.75}, 3),
        ({"least": 0.9}, 1),  # none is good enough: the one that loses least
        ({"least": 0.75, "target_epg": 0.5}, 5),
        ({"least": 0.75, "target_epg": 0.8}, 3),
    ],
)
def test_rules(goal: dict[str, float], best: int):
    assert best_epoch(ROWS, "f1", **goal) == best


@pytest.mark.parametrize(
    ("losses", "best"),
    [((3, 2, 4), 2), ((2, 2, 4), 2), ((3, 2, 2), 3), ((1, 2, 3), 1), ((3, 2, nan), 2)],
)
def test_of_equal_epochs_the_lower_cross_entropy_wins_then_the_later(losses: tuple[float, ...], best: int):
    assert best_epoch([{"accuracy": 0.5667, "bce": loss} for loss in losses], "accuracy") == best


def test_what_is_lost_by_rounding_is_not_lost():
    rows = [{"f1": 0.40 - 0.05, "epg": 0.9}, {"f1": 0.40, "epg": 0.1}]
    assert best_epoch(rows, "f1", least=0.35) == 1
    assert best_epoch([{"f1": 0.35, "epg": 0.9}, rows[1]], "f1", least=0.40 - 0.05) == 1


def test_missing_scores_lose():
    assert best_epoch([{}, {"f1": 0.1}], "f1") == 2
    assert best_epoch([{"f1": 0.2}, {"f1": 0.1, "epg": 0.3}], "f1", target_epg=0.9) == 2


share = st.integers(0, 4).map(lambda k: k / 4)
rows = st.lists(st.fixed_dictionaries({"f1": share, "epg": share, "bce": share}), min_size=2, max_size=6)


@given(rows, st.none() | share, st.none() | share)
def test_a_new_row_is_the_best_or_changes_nothing(table: list[dict[str, float]], target, least):
    """The trainer keeps one file for the best epoch: it may be replaced, never taken back."""
    before = best_epoch(table[:-1], "f1", target_epg=target, least=least)
    after = best_epoch(table, "f1", target_epg=target, least=least)
    assert after in (before, len(table))
