"""Every schedule of retries: what its strategy says, never above the cap, spread by the draw."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.retry import SPREAD, Retries

NUMBERS = st.floats(0.001, 86_400)
SCHEDULES = st.builds(
    Retries, strategy=st.sampled_from(["exponential", "linear", "fixed"]), base=NUMBERS, cap=NUMBERS
)
FAILURES = st.integers(1, 10**9)


@settings(max_examples=500)
@given(SCHEDULES, FAILURES, st.floats(0, 1))
def test_s121_a_pause_is_within_its_bounds(retries: Retries, failures: int, draw: float) -> None:
    whole, pause = retries.pause(failures), retries.pause(failures, draw)
    assert 0 < (1 - SPREAD) * whole * (1 - 1e-9) <= pause <= whole <= retries.cap
    assert whole >= min(retries.base, retries.cap)
    assert retries.pause(failures + 1) >= whole


@settings(max_examples=500)
@given(SCHEDULES, st.integers(1, 60))
def test_s121_a_pause_is_what_its_strategy_says(retries: Retries, failures: int) -> None:
    factor = {"exponential": 2 ** (failures - 1), "linear": failures, "fixed": 1}
    assert retries.pause(failures) == min(retries.base * factor[retries.strategy], retries.cap)
