"""Any order of calls, answers and pauses: a broken dependency is tried by one call at a time."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.breaker import LONGEST_PAUSE, THRESHOLD, Breaker
from shared.retry import Retries

WORKED = st.sampled_from([True, False, False, None])
STEPS = st.lists(
    st.tuples(st.just("begin"), st.integers(1, 10))
    | st.tuples(st.just("end"), WORKED)
    | st.tuples(st.just("wait"), st.floats(0, 2 * LONGEST_PAUSE)),
    max_size=200,
)


@settings(max_examples=500)
@given(STEPS)
def test_s121_one_probe_and_nothing_while_open(steps: list[tuple[str, float]]) -> None:
    now, calls, failed = 1000.0, 0, 0
    breaker = Breaker("it", Retries(), lambda: now)
    for step, value in steps:
        match step:
            case "begin":
                room = breaker.room(int(value))
                if breaker.state != "closed":
                    assert room == (1 if breaker.state == "half_open" and not calls else 0)
                for _ in range(room):
                    breaker.begin()
                calls += room
            case "end" if calls:
                calls -= 1
                failed = 0 if value else failed + (value is False)
                breaker.end(None if value is None else bool(value), "why")
            case "wait":
                now += value
        assert (breaker.state == "closed") == (failed < THRESHOLD)
        assert breaker.wait() <= LONGEST_PAUSE
        assert (breaker.check().status == "pass") == (breaker.state == "closed")
