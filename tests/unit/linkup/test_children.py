import pytest

from linkup.run.children import FIRST_PAUSE, ChildFailed, pause


def test_the_pause_before_a_restart_doubles() -> None:
    for attempt in range(3):
        middle = FIRST_PAUSE * 2**attempt
        assert 0.75 * middle <= pause(attempt) <= 1.25 * middle


@pytest.mark.parametrize("attempt", [3, 5, 50, 5_000_000])
def test_f_h6_no_pause_is_longer_than_two_seconds(attempt: int) -> None:
    assert max(pause(attempt) for _ in range(200)) <= 2.0


def test_two_children_that_died_together_start_apart() -> None:
    assert len({pause(3) for _ in range(20)}) > 1


def test_a_failed_start_says_who_and_how() -> None:
    assert str(ChildFailed("notify", 78)) == "notify stopped with status 78"
    assert str(ChildFailed("notify", -9)) == "notify was killed by SIGKILL"
