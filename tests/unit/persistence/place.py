"""Owns one store for many examples, each among users or in a group of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from services.persistence.decide.state import Limits
from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection
from services.persistence.store.store import Store
from shared import commands
from shared.commands import (
    Conversation,
    Inbox,
    Marks,
    MarksAnswer,
    Question,
    Snapshot,
    Totals,
    Unread,
)
from shared.sqlite.held import Held
from tests.unit.persistence.log import Log

PEOPLE = ("alice", "bob", "carol")


class Reader:
    """A store, and what its readers say of what is unread."""

    def __init__(self, log: Log, held: Held) -> None:
        self.log, self.held = log, held
        self.queries = Queries(held, log.store.epoch)

    async def ask(self, asked: Question) -> Any:
        reply = await self.queries.answer(asked)
        return msgspec.json.decode(commands.open_answer(reply, Snapshot).body)

    async def counted(self, user_id: str, place: str) -> tuple[int, int, list[int]]:
        """In the inbox, for a notification, and the newest three."""
        asked = Conversation(user_id=user_id, conversation_id=place)
        shown = await self.ask(asked)
        marks = Marks(asked=[Unread(user_id=user_id, conversation_id=place)])
        reply = await self.queries.answer(marks)
        [row] = commands.open_answer(reply, MarksAnswer).rows
        assert row is not None
        newest = [one.seq for one in row.previews]
        return shown["conversation"]["unread_count"], row.unread, newest

    async def total(self, user_id: str) -> Any:
        return await self.ask(Totals(user_id=user_id))

    async def inbox(self, user_id: str) -> Any:
        return await self.ask(Inbox(user_id=user_id))


@asynccontextmanager
async def reader(path: Path) -> AsyncIterator[Reader]:
    store = Store(f"sqlite:///{path}", Limits(burst=1, rate=0.0, delete_window=0.0))
    held = Held(f"sqlite:///{path}", ReaderConnection)
    await store.open()
    try:
        log = Log(store)
        await store._held.fetch("PRAGMA synchronous=OFF")  # noqa: SLF001 - no power is cut here
        await log.people(*PEOPLE)
        yield Reader(log, held)
    finally:
        await held.close()
        await store.close()


class Place:
    """One store for all examples, each in a group of its own."""

    def __init__(self, runner: asyncio.Runner, one: Reader) -> None:
        self.runner, self.one = runner, one
        self.number = 0
