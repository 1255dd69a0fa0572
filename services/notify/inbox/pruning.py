"""Owns how long notifications are kept: the lists, what was answered to the host, and deliveries.

A database that nothing leaves grows without end. Each step is a short transaction, and others get
their turn between two of them.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from msgspec import Struct

from services.notify.database import Between
from services.notify.inbox.fold import prefix
from shared.clock import SECOND
from shared.errors import Unavailable

logger = logging.getLogger("linkup.notify.pruning")

DAY = 86_400 * SECOND
UNREAD = 180 * DAY
KEYS = 7 * DAY  # the least time in which the host may repeat an announcement
STEP = 500  # rows that a transaction looks at
FIRST, EVERY, PAUSE = 60.0, 6 * 3600.0, 0.05  # seconds: after the start, between rounds, steps

LOAD_ITEMS = """
    SELECT item_id, read_at, updated_at FROM items WHERE item_id > :after AND item_id < :until
    ORDER BY item_id LIMIT :step
"""
DELETE_ITEM = "DELETE FROM items WHERE item_id = ?"
DELETE_KEYS = """
    DELETE FROM announcements WHERE idempotency_key IN (
        SELECT idempotency_key FROM announcements WHERE created_at < :before LIMIT :step
    )
"""
DELETE_DELIVERIES = """
    DELETE FROM deliveries WHERE delivery_id IN (
        SELECT delivery_id FROM deliveries WHERE closed_at > 0 AND closed_at < :before LIMIT :step
    ) RETURNING user_id, thread, channel
"""
# A conversation is watched for ever, a notification of the host for as long as its deliveries last.
DELETE_WATCH = """
    DELETE FROM watches AS w WHERE user_id = ? AND thread = ? AND channel = ? AND thread LIKE 'n:%'
    AND NOT EXISTS (
        SELECT 1 FROM deliveries AS d WHERE d.user_id = w.user_id AND d.channel = w.channel
        AND d.thread = w.thread AND d.reason <> 'merged'
    )
"""


DELETE_DEAD_LETTERS = """
    DELETE FROM webhook_events WHERE number IN (
        SELECT number FROM webhook_events WHERE state = 'dead' AND closed_at < :before LIMIT :step
    )
"""

# A part of the work. It returns the number of deleted rows, or None when nothing is left to do.
Step = Callable[[sqlite3.Connection], int | None]


class Pruned(Struct, frozen=True, kw_only=True):
    """The number of rows that were deleted of each kind."""

    items: int
    keys: int
    deliveries: int
    dead_letters: int


class Pruning:
    """`keep`: microseconds that a notification is kept after it was read; 0: for ever."""

    def __init__(self, between: Between, keep: int, clock: Callable[[], int]) -> None:
        self._between = between
        self._keep = keep
        self._clock = clock

    async def run(self) -> None:
        pause = FIRST
        while self._keep:
            await asyncio.sleep(pause)
            pause = EVERY
            try:
                await self.once(self._keep)
            except Unavailable as error:
                logger.warning("notifications are not pruned: %s", error)
        await asyncio.Event().wait()

    async def once(self, keep: int) -> Pruned:
        """Delete all that was read or closed longer ago than `keep`. Raises Unavailable."""
        now = self._clock()
        return Pruned(
            items=await self._all(Items(now, keep)),
            keys=await self._all(simply(DELETE_KEYS, now - max(keep, KEYS))),
            deliveries=await self._all(deliveries(now - keep)),
            dead_letters=await self._all(simply(DELETE_DEAD_LETTERS, now - keep)),
        )

    async def _all(self, step: Step) -> int:
        total = 0
        while (count := await self._between(step)) is not None:
            total += count
            await asyncio.sleep(PAUSE)
        return total


class Items:
    """A walk over the items in the order in which they were made, the oldest first."""

    def __init__(self, now: int, keep: int) -> None:
        self._read, self._unread = now - keep, now - max(keep, UNREAD)
        self._until = prefix(self._read)
        self._after = ""

    def __call__(self, connection: sqlite3.Connection) -> int | None:
        asked = {"after": self._after, "until": self._until, "step": STEP}
        found = connection.execute(LOAD_ITEMS, asked).fetchall()
        if not found:
            return None
        self._after = found[-1]["item_id"]
        over = [(row["item_id"],) for row in found if self._is_over(row)]
        connection.executemany(DELETE_ITEM, over)
        return len(over)

    def _is_over(self, row: sqlite3.Row) -> bool:
        if row["read_at"]:
            return bool(row["read_at"] < self._read)
        return bool(row["updated_at"] < self._unread)


def simply(statement: str, before: int) -> Step:
    def step(connection: sqlite3.Connection) -> int | None:
        asked = {"before": before, "step": STEP}
        return connection.execute(statement, asked).rowcount or None

    return step


def deliveries(before: int) -> Step:
    def step(connection: sqlite3.Connection) -> int | None:
        asked = {"before": before, "step": STEP}
        gone = [tuple(row) for row in connection.execute(DELETE_DELIVERIES, asked).fetchall()]
        connection.executemany(DELETE_WATCH, gone)
        return len(gone) or None

    return step
