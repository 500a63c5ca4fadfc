"""The representative model against the sentence that defines it."""

from math import nan

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model_guidance.selection import representative

share = st.integers(0, 5).map(lambda k: k / 5)


@given(st.lists(st.tuples(share, share), min_size=1, max_size=8), share, share)
def test_by_definition(pairs: list[tuple[float, float]], baseline: float, at_most: float):
    main, epg = (torch.tensor(column, dtype=torch.float64) for column in zip(*pairs, strict=True))
    found = representative(main, epg, baseline, at_most)
    allowed = [(e, m) for m, e in pairs if m >= baseline - at_most - 1e-9]
    assert (found is None) == (not allowed)
    if found is not None:
        assert (float(epg[found]), float(main[found])) == max(allowed)


@pytest.mark.parametrize(
    ("main", "epg", "expected"),
    [
        ([0.8, 0.75], [0.5, 0.6], 1),
        ([0.8, 0.749], [0.5, 0.6], 0),
        ([0.8, 0.79], [nan, 0.1], 1),
        ([nan], [0.9], None),
    ],
)
def test_five_points_below_a_baseline_of_80(main: list[float], epg: list[float], expected: int | None):
    assert representative(torch.tensor(main).double(), torch.tensor(epg).double(), 0.8) == expected
