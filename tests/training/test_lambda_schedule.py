"""Lambda as a dual variable: direction, bounds, and a switch that it has to find."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_guidance.errors import UserError
from model_guidance.training.config import Config
from model_guidance.training.lambda_schedule import BOUNDS, LARGEST_STEP, Goal, next_lambda

# Runs in the same process flush subnormal numbers, which hypothesis must then not draw.
share = st.floats(0, 1, allow_subnormal=False)
goal = st.none() | share


@given(st.floats(*BOUNDS, allow_subnormal=False), share, share, goal, goal)
def test_it_rises_while_the_goal_is_not_met_and_never_far(current, epg, f1, target, least):
    found = next_lambda(current, {"epg": epg, "f1": f1}, Goal("f1", target, least))
    assert abs(math.log(found / current)) <= LARGEST_STEP + 1e-9
    assert BOUNDS[0] <= found <= BOUNDS[1]
    lacks = ([target - epg] if target is not None else []) + ([f1 - least] if least is not None else [])
    if not lacks:
        assert found == current
    elif min(lacks) > 0:
        assert found >= current
    else:
        assert found <= current


@pytest.mark.parametrize("threshold", [0.003, 0.2, 40.0])
def test_it_finds_a_switch(threshold: float):
    """EPG jumps where lambda passes the threshold: the goal lies on the slope, wherever that is."""
    lambda_, seen = 0.05, []
    for _ in range(40):
        epg = 0.3 + 0.6 / (1 + (threshold / lambda_) ** 2)
        seen.append(epg)
        lambda_ = next_lambda(lambda_, {"epg": epg}, Goal("f1", 0.7))
    assert seen[-5:] == pytest.approx([0.7] * 5, abs=0.02)


def test_a_goal_that_loses_too_much_is_given_up():
    scores = {"epg": 0.3, "f1": 0.6}
    assert next_lambda(1.0, scores, Goal("f1", 0.9, least=0.7)) < 1
    assert next_lambda(1.0, scores, Goal("f1", 0.9, least=0.5)) > 1


def test_maps_that_follow_late_do_not_cost_the_classifier():
    """EPG answers lambda with a delay, and F1 falls beyond lambda 3: lambda must not run away meanwhile."""
    lambda_, epg, f1s = 0.05, 0.4, []
    for _ in range(40):
        epg += 0.1 * (0.4 + 0.3 * min(1.0, lambda_ / 10) - epg)
        f1s.append(0.95 - 0.1 * max(0.0, math.log(lambda_ / 3)))
        lambda_ = next_lambda(lambda_, {"epg": epg, "f1": f1s[-1]}, Goal("f1", 0.9, least=0.9))
    assert min(f1s) > 0.8
    assert f1s[-1] == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("wrong", [{"target_epg": 1.0}, {"target_epg": -0.1}, {"allowed_loss": 0.05}])
def test_impossible_goals(wrong: dict[str, float]):
    with pytest.raises(UserError, match=f"--{next(iter(wrong))}"):
        Config(**wrong)
