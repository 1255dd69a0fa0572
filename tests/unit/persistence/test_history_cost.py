"""No operation costs more in a full store than in an empty one."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection
from shared.commands import (
    ClearConversation,
    FeedFrom,
    FeedPages,
    History,
    Inbox,
    Question,
    Search,
    Stored,
)
from shared.sqlite.held import Held
from shared.subjects import direct_conversation_id
from tests.support.stores import empty_store
from tests.unit.persistence.conftest import opened
from tests.unit.persistence.log import Log

AB = direct_conversation_id("alice", "bob")
STORED = 10_000
FEW = 100  # so that a page is full in either


class Side:
    """A store with so many messages of Alice and Bob, and a reader of it."""

    def __init__(self, log: Log, queries: Queries, stored: int) -> None:
        self.log, self.queries, self.stored = log, queries, stored
        self._sent = 0

    async def send(self) -> None:
        self._sent += 1
        await self.log.say("alice", "bob", f"another {self._sent}")

    async def newest(self) -> None:
        await self._ask(History(user_id="bob", conversation_id=AB))

    async def old(self) -> None:
        asked = History(user_id="bob", conversation_id=AB, before_id=FEW - 20)
        await self._ask(asked)

    async def inbox(self) -> None:
        await self._ask(Inbox(user_id="bob"))

    async def resume(self) -> None:
        await self._ask(FeedPages(asked=[FeedFrom("bob", self.stored - 50, 50)]))

    async def search(self) -> None:
        await self._ask(Search(user_id="bob", q="message", conversation_id=AB))

    async def rare(self) -> None:
        await self._ask(Search(user_id="bob", q="message kraken"))

    async def _ask(self, asked: Question) -> None:
        await self.queries.answer(asked)


@asynccontextmanager
async def side(empty: Path, path: Path, stored: int) -> AsyncIterator[Side]:
    shutil.copy(empty, path)
    async with opened(path) as store:
        log = Log(store)
        await log.people("alice", "bob")
        for start in range(0, stored, 1000):
            texts = [f"message number {n}" for n in range(start, min(start + 1000, stored))]
            texts[5] += " kraken" * (start == 0)
            last = (await log.say("alice", "bob", *texts))[-1]
        assert isinstance(last, Stored)
        assert last.seq == stored
        while await store.index(1000, 1_000_000):
            pass
        await log.read("bob", "alice", stored)
        held = Held(f"sqlite:///{path}", ReaderConnection)
        try:
            yield Side(log, Queries(held, store.epoch), stored)
        finally:
            await held.close()


class Steps:
    """Counts the steps of SQLite's machine on a connection, so that the clock has no say."""

    def __init__(self) -> None:
        self.taken = 0

    def watch(self, connection: sqlite3.Connection) -> None:
        connection.set_progress_handler(self._count, 10)

    def _count(self) -> int:
        self.taken += 10
        return 0


@pytest.fixture
def empty() -> Path:
    return empty_store()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["newest", "old", "inbox", "resume", "search", "rare"])
async def test_f_t7_d26_d27_a_read_takes_as_many_steps_in_a_full_store(
    empty: Path, tmp_path: Path, what: str
) -> None:
    """The times are for `make bench ARGS=--history`."""
    taken = []
    for stored in (FEW, STORED):
        async with side(empty, tmp_path / f"{stored}.db", stored) as one:
            await getattr(one, what)()
            steps = Steps()
            await one.queries._held.run(steps.watch)  # noqa: SLF001 - to count what it does
            await getattr(one, what)()
            taken.append(steps.taken)
    assert taken[0] > 0
    assert taken[1] < 1.5 * taken[0] + 100


async def test_d3_a_send_takes_as_many_steps_in_a_full_store(empty: Path, tmp_path: Path) -> None:
    """A plan may call it a search and yet walk an index from end to end."""
    taken = []
    for stored in (FEW, STORED):
        async with side(empty, tmp_path / f"{stored}.db", stored) as one:
            await one.send()
            steps = Steps()
            await one.log.store.between(steps.watch)
            await one.send()
            taken.append(steps.taken)
    assert taken[1] < taken[0] + 100


async def test_what_was_cleared_is_not_walked_again(empty: Path, tmp_path: Path) -> None:
    path = tmp_path / "full.db"
    async with side(empty, path, STORED) as full:
        await full.log.run(ClearConversation(user_id="bob", conversation_id=AB))
        steps = Steps()
        await full.newest()
        await full.queries._held.run(steps.watch)  # noqa: SLF001 - to count what it does
        await full.newest()
        await full.inbox()
    assert steps.taken < STORED
