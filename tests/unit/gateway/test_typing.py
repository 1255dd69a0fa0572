"""Typing: who gets the frames, how often, and what is dropped."""

import asyncio
from typing import Any

from services.gateway.presence.typing import (
    INTERVAL,
    MAX_CHORES,
    MEMBERS_KEPT,
    WORKERS,
    Chores,
    Typing,
)
from shared import commands, frames, subjects
from shared.commands import Live, Members, MembersAnswer
from shared.frames import MAX_NAMED
from tests.unit.gateway.fakes import FakeBus, FakeMembers


class Room:
    """`typing` with a clock of its own."""

    def __init__(self, **conversations: list[str]) -> None:
        self.now = 0.0
        self.bus = FakeBus()
        self.log = FakeMembers(conversations)
        self.chores = Chores()
        bus: Any = self.bus
        log: Any = self.log
        self.typing = Typing(bus, log, self.chores, lambda: self.now)

    async def says(
        self, user_id: str, is_typing: bool, conversation_id: str = "c", changed: int = 0
    ) -> list[Live]:
        """Let a user type, or stop, and return the events that are published."""
        self.bus.published.clear()
        frame = frames.Typing(conversation_id=conversation_id, is_typing=is_typing)
        self.typing.on_typing(user_id, frame, {conversation_id: changed}.__getitem__)
        await self._done()
        lives = [commands.decode(payload, Live) for _, payload in self.bus.published]
        assert [s for s, _ in self.bus.published] == [subjects.live(x.user_id) for x in lives]
        return lives

    async def _done(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            running = self.chores.start(tasks)
            for _ in range(10):
                await asyncio.sleep(0)
            for task in running:
                task.cancel()


async def test_s7_typing_reaches_the_others_and_never_the_typist() -> None:
    room = Room(c=["alice", "bob", "carol"])
    lives = await room.says("alice", True)
    assert [live.user_id for live in lives] == ["bob", "carol"]
    assert lives[0].frame == (
        b'{"type":"typing","conversation_id":"c","user_id":"alice","is_typing":true}'
    )


async def test_s64_once_a_second_a_conversation_but_a_stop_after_a_start_at_once() -> None:
    room = Room(c=["alice", "bob"], d=["alice", "dave"])
    assert await room.says("alice", True)
    assert not await room.says("alice", True)
    assert await room.says("alice", True, "d")
    room.now = INTERVAL / 2
    assert await room.says("alice", False)
    assert not await room.says("alice", False)
    assert not await room.says("alice", True)
    room.now = 2 * INTERVAL
    assert await room.says("alice", True)


async def test_idor_who_is_no_member_tells_nobody() -> None:
    room = Room(c=["alice", "bob"])
    assert not await room.says("eve", True)
    assert not await room.says("eve", True, "no-such-conversation")


async def test_members_are_asked_for_once_in_a_while() -> None:
    room = Room(c=["alice", "bob"])
    for _ in range(5):
        assert await room.says("alice", True)
        room.now += INTERVAL
    assert room.log.asked == 1
    room.log.conversations["c"] = ["alice", "carol"]
    room.now += MEMBERS_KEPT
    assert [live.user_id for live in await room.says("alice", True)] == ["carol"]


async def test_s46_who_was_removed_is_told_of_no_typing_and_tells_of_none() -> None:
    room = Room(c=["alice", "bob", "carol"])
    assert len(await room.says("alice", True)) == len(await room.says("carol", True)) == 2
    room.log.conversations["c"] = ["alice", "bob"]
    room.now += INTERVAL
    assert [live.user_id for live in await room.says("alice", True, changed=7)] == ["bob"]
    assert not await room.says("carol", True, changed=9)
    room.now += INTERVAL
    asked = room.log.asked
    assert await room.says("alice", True, changed=7)
    assert room.log.asked == asked, "what is newer than the change is good"


async def test_s46_a_socket_that_begins_trusts_nothing_older_than_itself() -> None:
    """A user who was removed while the typist was away gets no typing event, not even one."""
    room = Room(c=["alice", "bob", "carol"])
    assert len(await room.says("alice", True)) == 2
    room.log.conversations["c"] = ["alice", "bob"]
    room.now += INTERVAL
    assert [live.user_id for live in await room.says("alice", True, changed=5)] == ["bob"]


async def test_s54_after_a_block_the_members_are_asked_for_again() -> None:
    room = Room(c=["alice", "bob", "carol"], d=["alice", "dave"])
    assert len(await room.says("alice", True)) == len(await room.says("carol", True)) == 2
    room.log.conversations["c"] = ["alice", "carol"]
    room.typing.forget("alice")
    room.now += INTERVAL
    assert [live.user_id for live in await room.says("alice", True)] == ["carol"]
    asked = room.log.asked
    assert await room.says("carol", True)
    assert room.log.asked == asked, "what others know stays"


async def test_s54_what_was_asked_before_a_block_is_not_remembered() -> None:
    room = Room(c=["alice", "bob"])
    answer = room.log.ask

    async def blocked_meanwhile(asked: Members, kind: type[MembersAnswer]) -> MembersAnswer:
        found = await answer(asked, kind)
        room.typing.forget("alice")
        return found

    room.log.ask = blocked_meanwhile  # type: ignore[method-assign]
    await room.says("alice", True)
    room.log.ask = answer  # type: ignore[method-assign]
    room.log.conversations["c"] = ["alice"]
    room.now += INTERVAL
    assert not await room.says("alice", True)


async def test_s46_above_32_members_no_typing_is_told() -> None:
    crowd = [f"u{number}" for number in range(MAX_NAMED)]
    room = Room(small=crowd, large=[*crowd, "one more"])
    assert len(await room.says("u0", True, "small")) == MAX_NAMED - 1
    assert not await room.says("u0", True, "large")


async def test_c10_a_full_queue_of_chores_takes_no_more() -> None:
    chores = Chores()

    async def nothing() -> None:
        return None

    taken = [chores.offer("alice", nothing) for _ in range(MAX_CHORES // WORKERS + 1)]
    assert taken == [True] * (MAX_CHORES // WORKERS) + [False]
