"""Owns notify's stored state: its position in the log, and the deliveries.

What a transaction decides is a pure function of what it has read; see `ladder`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
from msgspec import Struct

from services.notify.database import Transactions, open_database
from services.notify.inbox.fold import Changes, fold
from services.notify.ladder import log
from services.notify.ladder.delivery import Channel, Delivery, Waits
from services.notify.ladder.preferences import Table, table
from services.notify.store import erasure, handover, refusals, rows
from shared.commands import LogRow
from shared.health.probe import Probe

T = TypeVar("T")

BUILT_IN = table((), ())
NAME = "notify"  # under which the position is kept, here and by persistence


class Progress(Struct, frozen=True):
    """The position in the log. `epoch` is empty before the first page."""

    epoch: str = ""
    positions: dict[str, int] = {}


class Outlook(Struct, frozen=True):
    """`due_at`: of the next delivery, if one waits. `trouble`: how many ended as `failed` and
    `unknown`. `suppressed`: addresses that get no e-mail."""

    due_at: int | None = None
    trouble: dict[str, int] = {}
    suppressed: int = 0


class Store:
    def __init__(self, transactions: Transactions, known: Table) -> None:
        self._transactions = transactions
        self._known = known
        self._progress: Progress | None = None  # as on the disk, which only we write; if known
        self.erasing = asyncio.Event()  # set with each user to erase
        self.writes = Probe("the store", self.touch, category="persistence_error")

    async def touch(self) -> None:
        """Find out whether it can be written, by a transaction that changes nothing. Raises
        Unavailable."""
        await self._transactions.transaction(
            lambda connection: connection.execute(rows.TOUCH).close()
        )

    async def between(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do that in a transaction of its own. Raises Unavailable."""
        return await self._transactions.transaction(work)

    async def apart(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do that in no transaction, and while there is none. Raises Unavailable."""
        return await self._transactions.apart(work)

    async def progress(self) -> Progress:
        if self._progress is None:
            self._progress = await self._transactions.transaction(_progress)
        return self._progress

    async def follow(
        self, progress: Progress, page: list[LogRow], now: int, waits: Mapping[Channel, Waits]
    ) -> Changes:
        """A page of the log and the position after it, together or not at all. What it changes in
        the lists of notifications. `waits`: of each channel that there is."""

        erased = {row.user_id for row in page if row.kind in erasure.KINDS}

        def work(connection: sqlite3.Connection) -> Changes:
            told = log.told(page)
            changes = fold(connection, told, now, self._known)
            handover.fold(connection, told, now, waits)
            erasure.ask(connection, erased, now)
            _save_progress(connection, progress)
            return changes

        self._progress = None
        changes = await self._transactions.transaction(work)
        self._progress = progress
        self.writes.proved()
        if erased:
            self.erasing.set()
        return changes

    async def overtake(self, progress: Progress, now: int) -> None:
        """This is a copy from before the log was followed that far: go on from there."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(rows.SETTLE_OLDER, {"now": now})
            _save_progress(connection, progress)

        self._progress = None
        await self._transactions.transaction(work)
        self._progress = progress

    async def claim(self, channel: Channel, now: int, limit: int) -> list[Delivery]:
        return await self.between(lambda raw: handover.claim(raw, channel, now, limit))

    async def recover(self, now: int, waits: Mapping[Channel, Waits]) -> int:
        """Before anything else: what the process before left behind. How many are unknown."""
        return await self.between(lambda raw: handover.recover(raw, now, waits))

    async def of_message(self, thread: str, seq: int, user_ids: list[str]) -> list[Delivery]:
        """The delivery that this message is in, by user and channel."""
        values = {
            "user_ids": msgspec.json.encode(user_ids).decode(),
            "thread": thread,
            "seq": seq,
        }
        return await self._transactions.transaction(
            lambda connection: [
                rows.delivery(row) for row in connection.execute(rows.LOAD_OF_MESSAGE, values)
            ]
        )

    async def outlook(self, channel: Channel, since: int, most: int = 0) -> Outlook:
        """Return the next due time, and the failures since then. `most`: refusals of an address."""
        asked = {"channel": channel, "since": since}

        def work(connection: sqlite3.Connection) -> Outlook:
            row = connection.execute(rows.NEXT_DUE, asked).fetchone()
            trouble = connection.execute(rows.TROUBLE, asked).fetchall()
            suppressed = refusals.count(connection, most) if channel == "email" else 0
            return Outlook(row["due_at"] if row else None, dict(map(tuple, trouble)), suppressed)

        return await self._transactions.transaction(work)


def _progress(connection: sqlite3.Connection) -> Progress:
    row = connection.execute(rows.LOAD_PROGRESS, {"follower": NAME}).fetchone()
    if row is None:
        return Progress()
    return Progress(row["epoch"], msgspec.json.decode(row["positions"]))


def _save_progress(connection: sqlite3.Connection, progress: Progress) -> None:
    positions = msgspec.json.encode(progress.positions).decode()
    values = {"follower": NAME, "epoch": progress.epoch, "positions": positions}
    connection.execute(rows.SAVE_PROGRESS, values)


@asynccontextmanager
async def open_store(url: str, known: Table = BUILT_IN) -> AsyncIterator[Store]:
    """`known`: the types of notifications that there are. Raises SettingError, StartError."""
    async with open_database(url) as transactions:
        yield Store(transactions, known)
