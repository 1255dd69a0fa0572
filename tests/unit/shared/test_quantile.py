"""A quantile of what was seen lately, to the bound of a bucket."""

from bisect import bisect_left

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.health.quantile import Lately, quantile

BOUNDS = (0.001, 0.01, 0.1, 1.0)


@settings(max_examples=200)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=300))
def test_it_is_the_next_bound_above_the_true_one(values: list[float]) -> None:
    counts = [0] * (len(BOUNDS) + 1)
    for value in values:
        counts[bisect_left(BOUNDS, value)] += 1
    true = sorted(values)[max(0, -(-99 * len(values) // 100) - 1)]
    assert quantile(0.99, BOUNDS, counts) == BOUNDS[bisect_left(BOUNDS, true)]


def test_without_any_it_is_0_and_above_all_bounds_the_highest() -> None:
    assert quantile(0.99, BOUNDS, [0] * 5) == 0.0
    assert quantile(0.99, BOUNDS, [0, 0, 0, 0, 7]) == 1.0


def test_what_was_long_ago_no_longer_counts() -> None:
    lately = Lately(60)
    assert lately.counts([5, 0], 0) == [5, 0]
    assert lately.counts([6, 0], 30) == [6, 0]
    assert lately.counts([7, 1], 61) == [2, 1]  # since the first look
    assert lately.counts([7, 3], 125) == [0, 2]
