"""Owns a webhook's place in the log. Reads on from it, page by page, while few of its events wait.

What is not read yet waits in the log, which keeps it as long as any follower has not read it.
"""

import asyncio
import logging
import random
import sqlite3
from collections.abc import Callable

import msgspec

from services.notify.database import Between
from services.notify.webhooks import rows
from services.notify.webhooks.backlog import Backlog
from services.notify.webhooks.event import Event, wanted
from services.notify.webhooks.rows import Hook, Place
from shared import subjects
from shared.bus import Bus
from shared.commands import Fact, FactPage, FactPageAnswer, encode, open_answer
from shared.errors import LinkupError

logger = logging.getLogger("linkup.notify")

MOST_WAITING = 2000  # events; the rest stays in the log
GATHER = 0.1  # seconds after the doorbell: one page for many commits
POLL = 5.0  # a lost doorbell costs no more than this
LONGEST_PAUSE = 5.0
REQUEST_TIMEOUT = 5.0


def follower(webhook_id: str) -> str:
    """The name under which persistence keeps its place."""
    return f"webhook:{webhook_id}"


async def page(bus: Bus, asked: FactPage) -> FactPageAnswer:
    """Raises LinkupError and msgspec.MsgspecError."""
    payload = await bus.request(subjects.query("facts"), encode(asked), REQUEST_TIMEOUT)
    return open_answer(payload, FactPageAnswer)


class Reader:
    """Reads the log for a webhook. `grown` is called when events were added to the backlog."""

    def __init__(
        self,
        hook: Hook,
        bus: Bus,
        between: Between,
        backlog: Backlog,
        clock: Callable[[], int],
        grown: Callable[[], None],
    ) -> None:
        self._hook = hook
        self._bus = bus
        self._between = between
        self._backlog = backlog
        self._clock = clock
        self._grown = grown
        self._bell = asyncio.Event()
        self._failures = 0
        self._is_full = False
        self._place: Place | None = None  # may be ahead of the stored one, by unwanted facts

    def ring(self) -> None:
        self._bell.set()

    def eased(self) -> None:
        """Look for events again, if too many were waiting before and fewer are now."""
        if self._is_full and len(self._backlog) <= MOST_WAITING // 2:
            self._bell.set()

    async def run(self) -> None:
        while True:
            self._bell.clear()
            try:
                while self._has_room() and await self._page():
                    pass
                self._failures = 0
            except (LinkupError, msgspec.MsgspecError) as error:
                await asyncio.sleep(self._failed(error))
            else:
                await self._wait()

    def _has_room(self) -> bool:
        self._is_full = len(self._backlog) >= MOST_WAITING
        return not self._is_full

    async def _page(self) -> bool:
        """Read and store one page. True when more is waiting."""
        name = self._hook.webhook_id
        if self._place is None:
            self._place = await self._between(lambda raw: rows.place(raw, name))
        epoch, positions = self._place
        asked = FactPage(follower=follower(name), positions=positions, epoch=epoch)
        answer = await page(self._bus, asked)
        if answer.epoch != epoch:
            # The log was restored from a copy: all that the copy has was read before.
            ends = {writer: min(n, answer.ends.get(writer, n)) for writer, n in positions.items()}
            await self._follow((answer.epoch, ends), [])
            return True
        facts = wanted(answer.facts, self._hook.events)
        if facts or answer.more:
            await self._follow((epoch, answer.positions), facts)
        self._place = epoch, answer.positions
        return answer.more and answer.positions != positions

    async def _follow(self, reached: Place, facts: list[Fact]) -> None:
        name, now, newest = self._hook.webhook_id, self._clock(), self._backlog.newest

        def work(connection: sqlite3.Connection) -> list[Event]:
            rows.follow(connection, name, reached, facts, now)
            return rows.waiting(connection, name, newest) if facts else []

        self._place = None  # not known while it is written
        self._backlog.add(await self._between(work))
        self._place = reached
        if facts:
            self._grown()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL):
                await self._bell.wait()
                await asyncio.sleep(GATHER)
        except TimeoutError:
            pass  # the poll

    def _failed(self, error: Exception) -> float:
        """Return the seconds to wait. Log once: the log's health check tells how long it lasts."""
        self._failures += 1
        if self._failures == 2:
            logger.warning("a webhook does not reach the log: %s", error)
        return random.uniform(0.1, min(LONGEST_PAUSE, 0.25 * 2 ** min(self._failures, 8)))
