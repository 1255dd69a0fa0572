"""Questions of many: asked together, answered each, in a line with a bound."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from services.gateway.upstream import gathering
from services.gateway.upstream.gathering import Backlog, Gathering
from shared.bus import BusTimeout
from shared.errors import Internal, LinkupError, Overloaded, Unavailable
from shared.health.counters import Counters
from shared.http.turns import Turns

POISON = 13


class Answerer:
    """Doubles numbers: at most `room` at once, when `gate` is open. It breaks on POISON."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.room = 1000
        self.gate = asyncio.Event()
        self.failures: list[LinkupError] = []

    async def ask(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        if POISON in numbers:
            raise Internal("it breaks")
        return [2 * number for number in numbers][: self.room]


@asynccontextmanager
async def gathered(
    answerer: Answerer, *, most: int = 100, at_once: int = 1, waiting: int = 1000
) -> AsyncIterator[Gathering[int, int]]:
    made = Gathering(
        answerer.ask, Backlog(waiting, Counters()), Turns(), most=most, at_once=at_once
    )
    async with asyncio.TaskGroup() as tasks:
        running = made.start(tasks)
        yield made
        for task in running:
            task.cancel()


async def begun(made: Gathering[int, int], *numbers: int) -> list["asyncio.Task[int]"]:
    """Asked for, in that order."""
    tasks = [asyncio.create_task(made.get(number)) for number in numbers]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_f_s1_who_comes_while_a_question_is_under_way_is_asked_for_in_the_next() -> None:
    answerer = Answerer()
    async with gathered(answerer, most=3) as made:
        tasks = [*await begun(made, 0), *await begun(made, 1, 2, 3, 4)]
        answerer.gate.set()
        assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 8]
        assert await made.get(5) == 10
    assert answerer.asked == [[0], [1, 2, 3], [4], [5]]


async def test_the_same_in_line_is_asked_once_and_what_is_under_way_is_too_old() -> None:
    answerer = Answerer()
    async with gathered(answerer) as made:
        tasks = [*await begun(made, 7), *await begun(made, 7, 7, 8)]
        answerer.gate.set()
        assert await asyncio.gather(*tasks) == [14, 14, 14, 16]
    assert answerer.asked == [[7], [7, 8]]


async def test_what_an_answer_leaves_out_is_asked_for_again_before_others() -> None:
    answerer = Answerer()
    answerer.room = 2
    async with gathered(answerer, most=3) as made:
        tasks = await begun(made, 0, 1, 2, 3, 4)
        answerer.gate.set()
        assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 8]
    assert answerer.asked == [[0, 1, 2], [2, 3, 4], [4]]


async def test_a_slow_question_does_not_hold_up_the_next() -> None:
    answerer = Answerer()
    async with gathered(answerer, at_once=2) as made:
        tasks = [*await begun(made, 0), *await begun(made, 1), *await begun(made, 2)]
        assert answerer.asked == [[0], [1]]
        answerer.gate.set()
        await asyncio.gather(*tasks)
    assert answerer.asked == [[0], [1], [2]]


async def test_what_is_asked_alone_waits_only_while_as_many_are_under_way() -> None:
    answerer = Answerer()
    async with gathered(answerer, most=1, at_once=2) as made:
        tasks = [*await begun(made, 0, 1, 2), *await begun(made, 2, 3)]
        assert answerer.asked == [[0], [1]]
        answerer.gate.set()
        assert await asyncio.gather(*tasks) == [0, 2, 4, 4, 6]
    assert answerer.asked == [[0], [1], [2], [3]]


async def test_who_asks_alone_and_goes_or_fails_makes_room_for_the_next() -> None:
    answerer = Answerer()
    async with gathered(answerer, most=1) as made:
        tasks = await begun(made, 0, 1)
        tasks[0].cancel()
        answerer.gate.set()
        assert await tasks[1] == 2
        answerer.failures = [Unavailable("away")]
        with pytest.raises(Unavailable):
            await made.get(2)
        assert await made.get(3) == 6


async def test_who_breaks_the_answerer_breaks_it_alone() -> None:
    answerer = Answerer()
    async with gathered(answerer) as made:
        tasks = await begun(made, 11, 12, POISON, 14, 15)
        answerer.gate.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [one for one in found if isinstance(one, int)] == [22, 24, 28, 30]
    assert isinstance(found[2], Internal)


async def test_an_answerer_out_of_reach_fails_who_asked_and_each_by_an_error_of_their_own() -> None:
    answerer = Answerer()
    answerer.failures = [Unavailable("away")]
    async with gathered(answerer, most=2) as made:
        tasks = await begun(made, 0, 1, 2)
        answerer.gate.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in found] == [Unavailable, Unavailable, int]
    assert found[0] is not found[1]


async def test_a_crowd_is_asked_for_again_when_the_answerer_is_busy_and_one_alone_is_told() -> None:
    answerer = Answerer()
    answerer.failures = [BusTimeout("busy"), BusTimeout("busy"), BusTimeout("busy")]
    answerer.gate.set()
    async with gathered(answerer) as made:
        tasks = await begun(made, 0, 1, 2)
        assert await asyncio.gather(*tasks) == [0, 2, 4]
        answerer.failures = [BusTimeout("busy")]
        with pytest.raises(BusTimeout):
            await made.get(3)


async def test_who_has_gone_is_not_asked_for() -> None:
    answerer = Answerer()
    async with gathered(answerer) as made:
        tasks = await begun(made, 0, 1, 2)
        tasks[1].cancel()
        answerer.gate.set()
        await asyncio.wait(tasks)
        assert tasks[2].result() == 4
        assert await made.get(3) == 6
    assert answerer.asked == [[0, 1, 2], [3]] or answerer.asked == [[0], [2], [3]]


async def test_f_s1_the_line_has_an_end_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answerer = Answerer()
    async with gathered(answerer, waiting=3) as made:
        tasks = await begun(made, 0, 1, 2)
        for _ in range(5):
            with pytest.raises(Overloaded):
                await made.get(3)
        answerer.gate.set()
        await asyncio.gather(*tasks)
        assert await made.get(3) == 6
    assert [record.getMessage() for record in caplog.records] == [
        "3 wait for the log already (LINKUP_LOG_WAITING): more are refused"
    ]


async def test_nobody_waits_in_line_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "PATIENCE", 0.005)
    answerer = Answerer()
    async with gathered(answerer) as made:
        tasks = [*await begun(made, 0), *await begun(made, 1)]
        await asyncio.sleep(0.02)
        answerer.gate.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert found[0] == 0
    assert isinstance(found[1], Unavailable)
