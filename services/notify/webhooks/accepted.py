"""Owns the deletion of the events that a webhook has accepted, many in one transaction.

Each commit is synced, on the disk that messages are synced on too. What a crash leaves behind is
sent again.
"""

import asyncio
import sqlite3

from services.notify.database import Between
from services.notify.webhooks import rows
from shared.errors import LinkupError

GATHER = 0.25  # seconds
RETRY = 1.0


class Accepted:
    def __init__(self, between: Between, webhook_id: str) -> None:
        self._between = between
        self._webhook_id = webhook_id
        self._numbers: list[int] = []
        self._some = asyncio.Event()
        self._turn = asyncio.Lock()

    def add(self, number: int) -> None:
        self._numbers.append(number)
        self._some.set()

    async def run(self) -> None:
        while True:
            await self._some.wait()
            await asyncio.sleep(GATHER)
            try:
                await self.flush()
            except LinkupError:
                await asyncio.sleep(RETRY)

    async def flush(self) -> None:
        """Raises Unavailable."""
        async with self._turn:
            self._some.clear()
            if numbers := list(self._numbers):
                await self._delete(numbers)
                del self._numbers[: len(numbers)]

    async def _delete(self, numbers: list[int]) -> None:
        try:
            await self._between(lambda connection: _delete(connection, self._webhook_id, numbers))
        except LinkupError:
            self._some.set()
            raise


def _delete(connection: sqlite3.Connection, webhook_id: str, numbers: list[int]) -> None:
    """Delete accepted events and count them, without those that were deleted before."""
    each = [{"number": number} for number in numbers]
    gone = connection.executemany(rows.DELIVERED, each).rowcount
    connection.execute(rows.COUNT_DELIVERED, {"webhook_id": webhook_id, "count": gone})
