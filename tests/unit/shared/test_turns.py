"""A crowd's work, so much of it in one turn of the loop."""

import asyncio
import itertools

from shared.http.turns import Turns
from tests.support.waiting import within


async def test_without_a_crowd_nothing_waits() -> None:
    turns, done = Turns(2), list[str]()
    turns.take(lambda: done.append("taken"))
    assert done == ["taken"]
    async with asyncio.timeout(0):
        await turns.turn()


async def test_f_s1_a_crowd_leaves_room_for_others_in_each_turn_of_the_loop() -> None:
    """In the order they came, whichever way."""
    turns, done = Turns(2), list[int]()
    beside = 0
    gone: list[int] = []

    async def wait(number: int) -> None:
        await turns.turn()
        done.append(number)

    for number in (0, 1, 2):
        turns.take(lambda number=number: done.append(number))  # type: ignore[misc]
    waiting = [asyncio.create_task(wait(number)) for number in range(3, 9)]
    while len(done) < 9:
        beside += 1
        await asyncio.sleep(0)
        gone.append(len(done))
    assert done == list(range(9))
    assert all(later - earlier <= 2 for earlier, later in itertools.pairwise(gone))
    assert beside >= 4
    await asyncio.gather(*waiting)


async def test_who_gives_up_in_line_holds_nobody_up() -> None:
    turns = Turns(1)
    turns.take(lambda: None)
    waiting = [asyncio.create_task(turns.turn()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    async with within(20):
        await asyncio.gather(*waiting[1:])
