import pytest

from linkup.children import FIRST_PAUSE, LONGEST_PAUSE, ChildFailed, pause


def test_the_pause_before_a_restart_doubles() -> None:
    for attempt in range(4):
        middle = FIRST_PAUSE * 2**attempt
        assert 0.75 * middle <= pause(attempt) <= 1.25 * middle


@pytest.mark.parametrize("attempt", [5, 50, 5_000_000])
def test_the_pause_stays_bounded_after_any_number_of_deaths(attempt: int) -> None:
    assert pause(attempt) <= 1.25 * LONGEST_PAUSE


def test_two_children_that_died_together_start_apart() -> None:
    assert len({pause(3) for _ in range(20)}) > 1


def test_a_failed_start_says_who_and_how() -> None:
    assert str(ChildFailed("notify", 78)) == "notify stopped with status 78"
    assert str(ChildFailed("notify", -9)) == "notify was killed by SIGKILL"
