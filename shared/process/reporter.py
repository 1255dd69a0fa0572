"""Owns the sending of error records: a batch at most once a second, and only if there are any."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from shared import commands, subjects
from shared.bus import Bus
from shared.commands import MAX_PAGE_BYTES, ErrorPageAnswer, Errors
from shared.errors import LinkupError, Unavailable
from shared.health.records import Ledger
from shared.health.taxonomy import Record

EVERY = 1.0  # seconds
AGAIN = 5.0  # seconds, after it could not be told
MOST = 50  # records at once: at the longest a quarter of what the bus carries

Tell = Callable[[list[Record]], Awaitable[None]]


class Reporter:
    """Sends the records with `tell`. If that raises LinkupError, they are sent again."""

    def __init__(self, ledger: Ledger, tell: Tell) -> None:
        self._ledger = ledger
        self._tell = tell
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Send what is new, until cancelled."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._news.set)

        self._ledger.news = wake
        self._news.set()
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(EVERY if await self._told() else AGAIN)

    async def _told(self) -> bool:
        records = self._ledger.take(MOST)
        try:
            if records:
                await self._tell(records)
        except LinkupError:
            self._ledger.give_back(records)
            return False
        return True


def over(bus: Bus) -> Tell:
    """Return the function that sends records to persistence, which stores them."""

    async def tell(records: list[Record]) -> None:
        if not bus.connected:
            raise Unavailable("The message bus cannot be reached")
        bus.post(subjects.ERRORS, commands.encode(Errors(records=records)))

    return tell


def recent(ledger: Ledger) -> bytes:
    """Return the answer to `recent_errors`: the records in memory, up to what the bus carries."""
    records, encoded = ledger.recent(), b""
    while not encoded or len(encoded) > MAX_PAGE_BYTES:
        encoded = commands.encode(ErrorPageAnswer(records=records))
        records = records[: len(records) // 2]
    return encoded
