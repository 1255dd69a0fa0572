"""Owns the reader tasks: each has one connection and answers one query at a time."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

import msgspec

from services.persistence.queries import Queries
from services.persistence.queries.followers import Followers
from services.persistence.queries.recent import Recent
from services.persistence.store.connections import ReaderConnection
from shared import commands
from shared.bus import Bus, Delivery
from shared.errors import Internal, LinkupError, Overloaded, Unavailable
from shared.files import Displaced
from shared.health.defects import unexpected
from shared.health.probe import Probe
from shared.health.records import record
from shared.sqlite.held import Held

logger = logging.getLogger("linkup.persistence.readers")

MAX_QUEUED = 512

Waiting = Delivery | asyncio.Future[None]  # a future: whether a reader gets to it at all


class Readers:
    """A bounded queue of queries in front of a few connections."""

    def __init__(
        self,
        url: str,
        epoch: str,
        bus: Bus,
        followers: Followers,
        guard: Callable[[], None] | None = None,
        operated: Callable[[int], None] = lambda questions: None,
        recent: Recent | None = None,
        contacts_only: bool = False,
    ) -> None:
        """Answer questions. `guard` is passed to `Held`, and `contacts_only` to `Source`.
        `operated` is called with a number of questions."""
        self._operated = operated
        self._recent = recent or Recent()
        self._contacts_only = contacts_only
        self._url = url
        self._guard = guard
        self._followers = followers
        self._epoch = epoch
        self._bus = bus
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue(MAX_QUEUED)
        self.reads = Probe("reading the store", self._touch, category="persistence_error")

    def accept(self, delivery: Delivery) -> None:
        try:
            self._queue.put_nowait(delivery)
        except asyncio.QueueFull:
            record("overload", "too many queries are waiting for the store")
            refusal = commands.refusal(Overloaded("Too many queries are waiting: try again later"))
            self._bus.post(delivery.reply_to, refusal)

    def waiting(self) -> int:
        """Return the number of questions in the queue."""
        return self._queue.qsize()

    async def run(self) -> None:
        """Live as one reader; run as many as there are to be connections."""
        held = Held(self._url, ReaderConnection, self._guard)
        known = (self._followers, self._recent, self._contacts_only)
        queries = Queries(held, self._epoch, *known)
        try:
            await held.open()
            while True:
                waiting = await self._queue.get()
                if isinstance(waiting, asyncio.Future):
                    await self._reach(held, waiting)
                else:
                    answer = await self._answer(held, queries, waiting)
                    await self._bus.publish(waiting.reply_to, answer)
        finally:
            await held.close()

    async def _touch(self) -> None:
        """Find out whether one of them reads, in line with the queries. Raises Unavailable."""
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._queue.put(reached)
        await reached

    async def _reach(self, held: Held, reached: asyncio.Future[None]) -> None:
        try:
            await held.fetch("SELECT 1 FROM meta")
        except (sqlite3.Error, Displaced) as error:
            _cannot_read(error)
            await held.close()
            if not reached.done():
                reached.set_exception(Unavailable(str(error)))
        else:
            if not reached.done():
                reached.set_result(None)

    async def _answer(self, held: Held, queries: Queries, delivery: Delivery) -> bytes:
        self._operated(1)
        name = delivery.subject.rpartition(".")[2]
        try:
            answer = await queries.answer(commands.decode_question(delivery.payload))
            self.reads.proved()
            return answer
        except LinkupError as error:
            return commands.refusal(error)
        except (sqlite3.Error, Displaced) as error:
            logger.warning("query %s: %s", name, error)
            _cannot_read(error)
            await held.close()
            return commands.refusal(Unavailable("The store cannot be read"))
        except msgspec.MsgspecError as error:
            logger.error("query %s does not decode: %s", name, error)
            record("routing_error", "a query cannot be decoded", subject=delivery.subject)
            return commands.refusal(Internal("The query cannot be decoded"))
        except Exception as error:
            logger.exception("query %s failed", name)
            unexpected(error, "a query failed")
            return commands.refusal(Internal("The query failed"))


def _cannot_read(error: Exception) -> None:
    record("persistence_error", "the store cannot be read: {reason}", reason=str(error))
