"""The counts of `perf` are read; where it counts nothing, none are printed."""

import pytest

from tests.bench import polls

SAID = """1290,,syscalls:sys_exit_epoll_wait,164986,100.00,,
10,,syscalls:sys_exit_epoll_pwait,164986,100.00,,
"""


@pytest.mark.parametrize(
    ("said", "count"),
    [
        (SAID, 1300),
        ("", None),
        ("<not counted>,,syscalls:sys_exit_epoll_wait,0,100.00,,\n", None),
    ],
)
def test_the_counts_of_both_calls_are_added(said: str, count: int | None) -> None:
    assert polls.total(said) == count


async def test_without_perf_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert await polls.per_second({"own": 1}, 1.0) == {}
