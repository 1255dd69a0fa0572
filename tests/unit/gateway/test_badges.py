"""The counts that sockets are told: whom notify is asked about, how often, and what is sent."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from services.gateway.auth import Identity
from services.gateway.socket import badges as badges_module
from services.gateway.socket.badges import Counts, encoded
from services.gateway.socket.connection import Connection
from services.gateway.socket.scope import View
from shared.commands import MAX_BADGES, Badges, BadgesAnswer, Live
from shared.errors import Unavailable
from tests.support.background import running
from tests.support.virtual import VirtualLoop
from tests.support.waiting import within
from tests.unit.gateway.fakes import FakeLog, FakeOutbox, Frame
from tests.unit.gateway.test_hub_users import hub_on
from tests.unit.gateway.test_live import Listening

GATHERING, SPACING = badges_module.GATHERING, badges_module.SPACING


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(badges_module, "GATHERING", 0.0)
    monkeypatch.setattr(badges_module, "SPACING", 0.0)


class FakeNotices:
    """Notify, and the users that it was asked about, a list for each question."""

    def __init__(self, **unread: int) -> None:
        self.unread = unread
        self.asked: list[list[str]] = []
        self.narrow: list[list[str] | None] = []
        self.away = False
        self.meanwhile: Any = None  # called while a question is under way
        self.answered = asyncio.Event()

    async def ask(self, asked: Badges, kind: type[BadgesAnswer]) -> BadgesAnswer:
        self.asked.append(asked.user_ids)
        self.narrow.append(asked.narrow)
        unread = {one: self.unread[one] for one in asked.user_ids if one in self.unread}
        await asyncio.sleep(0)
        if self.meanwhile is not None:
            self.meanwhile()
        self.answered.set()
        if self.away:
            raise Unavailable("away")
        return kind(unread=unread)


class Room:
    """Users with a socket each, and what the sockets were told."""

    def __init__(self, notices: FakeNotices, *user_ids: str, room: int = 1_000_000) -> None:
        asking: Any = notices
        self.notices = notices
        self.counts = Counts(asking, self.of)
        self.outboxes = {user_id: FakeOutbox(room) for user_id in user_ids}
        self.sockets = {user_id: self._socket(user_id) for user_id in user_ids}

    def _socket(self, user_id: str) -> Connection:
        outbox: Any = self.outboxes[user_id]
        connection = Connection(
            Identity(user_id=user_id, expires_at=1e12), FakeLog(), outbox, print
        )
        connection.feed.start("e1", 0, 0)
        return connection

    def of(self, user_id: str) -> Iterable[Connection]:
        return [self.sockets[user_id]] if user_id in self.sockets else []

    def badges(self, user_id: str) -> list[int]:
        told: list[Frame] = self.outboxes[user_id].take()
        return [frame["unread_count"] for frame in told if frame["type"] == "badge_update"]

    async def turn(self, *user_ids: str) -> None:
        """Compare these users once."""
        self.notices.answered.clear()
        self.counts.want(user_ids)
        async with within(5):
            await self.notices.answered.wait()
        await asyncio.sleep(0)


async def test_s24_who_is_welcomed_is_told_the_count_also_of_none() -> None:
    room = Room(FakeNotices(alice=3), "alice", "bob")
    async with running(room.counts.run()):
        await room.turn("alice", "bob")
    assert (room.badges("alice"), room.badges("bob")) == ([3], [0])


async def test_s24_nothing_is_sent_while_the_count_is_the_same() -> None:
    room = Room(FakeNotices(alice=3), "alice")
    async with running(room.counts.run()):
        for _ in range(3):
            await room.turn("alice")
        assert room.badges("alice") == [3]
        room.notices.unread = {}
        await room.turn("alice")
        assert room.badges("alice") == [0]


async def test_s24_many_who_come_at_once_are_one_question() -> None:
    users = [f"u{number}" for number in range(MAX_BADGES + 1)]
    room = Room(FakeNotices(), *users)
    async with running(room.counts.run()):
        for user_id in users:
            room.counts.want([user_id])
        await room.turn()
        await room.turn(users[0])
    assert room.notices.asked == [users[:MAX_BADGES], users[MAX_BADGES:], users[:1]]


def test_s24_a_crowd_that_keeps_coming_is_a_few_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question wakes notify and the thread of its database. Who comes alone is told soon."""
    monkeypatch.setattr(badges_module, "GATHERING", GATHERING)
    monkeypatch.setattr(badges_module, "SPACING", SPACING)
    users = [f"u{number}" for number in range(100)]

    async def scenario() -> None:
        room = Room(FakeNotices(), "alice", *users)
        async with running(room.counts.run()):
            room.counts.want(["alice"])
            await asyncio.sleep(2 * GATHERING)
            assert room.badges("alice") == [0]
            await asyncio.sleep(SPACING)
            for user_id in users:  # a second in all
                room.counts.want([user_id])
                await asyncio.sleep(1 / len(users))
            await asyncio.sleep(SPACING + 2 * GATHERING)
        assert [room.badges(user_id) for user_id in users] == [[0]] * len(users)
        assert len(room.notices.asked) <= 2 + 1 / SPACING  # two: alice's, and the first

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario())


async def test_s2_notify_learns_who_does_not_get_all_messages() -> None:
    room = Room(FakeNotices(), "alice", "bob", "carol")
    room.sockets["bob"].view = View(only="")
    room.sockets["carol"].view = View(only="d1", to="alice")
    async with running(room.counts.run()):
        await room.turn("alice", "bob", "carol")
    assert room.notices.narrow == [["bob", "carol"]]


async def test_s24_without_users_nothing_is_asked() -> None:
    room = Room(FakeNotices(alice=1))
    async with running(room.counts.run()):
        room.counts.want([])
        room.counts.want(["alice"])  # who has left by now
        for _ in range(10):
            await asyncio.sleep(0)
    assert room.notices.asked == []


async def test_s24_a_count_that_came_live_is_told_already() -> None:
    wire, room = Listening(), Room(FakeNotices(alice=4), "alice")
    await hub_on(wire).join(room.sockets["alice"])
    wire.say(Live(user_id="alice", conversation_id="", frame=encoded(4), to="all"))
    async with running(room.counts.run()):
        await room.turn("alice")
    assert room.badges("alice") == [4]


async def test_s24_a_count_that_came_while_notify_was_asked_is_newer() -> None:
    room = Room(FakeNotices(alice=4), "alice")
    socket = room.sockets["alice"]

    def live() -> None:
        socket.offer(encoded(5))
        socket.badge = 5

    async with running(room.counts.run()):
        room.notices.meanwhile = live
        await room.turn("alice")
        assert room.badges("alice") == [5]
        room.notices.meanwhile, room.notices.unread = None, {"alice": 5}
        await room.turn("alice")
        assert room.badges("alice") == []


async def test_s24_when_notify_is_back_the_count_is_made_good() -> None:
    room = Room(FakeNotices(alice=2), "alice")
    async with running(room.counts.run()):
        room.notices.away = True
        await room.turn("alice")
        assert room.badges("alice") == []
        room.notices.away = False
        await room.turn("alice")
        assert room.badges("alice") == [2]


async def test_c10_a_count_that_was_dropped_is_told_the_next_time() -> None:
    room = Room(FakeNotices(alice=2), "alice")
    socket, outbox = room.sockets["alice"], room.outboxes["alice"]
    outbox.offer = lambda frame: False  # type: ignore[method-assign]  # the peer does not keep up
    async with running(room.counts.run()):
        await room.turn("alice")
        assert socket.badge is None
        del outbox.offer
        await room.turn("alice")
    assert room.badges("alice") == [2]


def test_nobody_is_told_anything_before_welcome() -> None:
    outbox: Any = FakeOutbox()
    socket = Connection(Identity(user_id="alice", expires_at=1e12), FakeLog(), outbox, print)
    assert not socket.offer(encoded(1))
    socket.feed.start("e1", 0, 0)
    assert socket.offer(encoded(1))
