"""Owns the questions to notify: a bounded queue of them, and a table of who answers which."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from msgspec import Struct

from shared import commands, subjects
from shared.bus import Bus, Delivery
from shared.errors import Internal, LinkupError, NotFound, Overloaded
from shared.health.defects import unexpected
from shared.health.endpoints import Health
from shared.health.records import record
from shared.process import readiness, reporter

logger = logging.getLogger("linkup.notify")

T = TypeVar("T", bound=Struct)

MAX_QUEUED = 64
AT_ONCE = 4  # one that waits for persistence does not hold up the others


class Questions:
    """`on` fills the table, by the tags of the questions. Each answer is a struct, or the
    LinkupError that its handler raises."""

    HEALTH, ERRORS = subjects.notify("health"), subjects.notify("recent_errors")

    def __init__(self, bus: Bus, health: Health) -> None:
        self._bus = bus
        self._health = health
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue(MAX_QUEUED)
        self._table: dict[str, Callable[[bytes], Awaitable[Struct]]] = {}

    def on(self, kind: type[T], handler: Callable[[T], Awaitable[Struct]]) -> None:
        """Let `handler` answer the questions of that kind."""

        def answer(payload: bytes) -> Awaitable[Struct]:
            return handler(commands.decode(payload, kind))

        self._table[subjects.notify(str(kind.__struct_config__.tag))] = answer

    async def run(self) -> None:
        await self._bus.subscribe(subjects.notify("*"), self._accept, queue=subjects.NOTIFY_GROUP)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            delivery = await self._queue.get()
            await self._bus.publish(delivery.reply_to, await self._answer(delivery))

    def _accept(self, delivery: Delivery) -> None:
        match delivery.subject:
            case self.HEALTH:
                self._bus.post(delivery.reply_to, readiness.tell(self._health, delivery.payload))
            case self.ERRORS:
                self._bus.post(delivery.reply_to, reporter.recent(self._health.errors))
            case _:
                self._enqueue(delivery)

    def _enqueue(self, delivery: Delivery) -> None:
        try:
            self._queue.put_nowait(delivery)
        except asyncio.QueueFull:
            record("overload", "too many queries are waiting in notify")
            refusal = commands.refusal(Overloaded("Too many queries are waiting: try again later"))
            self._bus.post(delivery.reply_to, refusal)

    async def _answer(self, delivery: Delivery) -> bytes:
        try:
            return commands.encode(await self._found(delivery))
        except LinkupError as error:
            return commands.refusal(error)
        except msgspec.MsgspecError as error:
            logger.error("a question does not decode: %s", error)
            record("routing_error", "a query to notify cannot be decoded")
            return commands.refusal(Internal("The query cannot be decoded"))
        except Exception as error:
            logger.exception("a question failed")
            unexpected(error, "a query to notify failed")
            return commands.refusal(Internal("The query failed"))

    async def _found(self, delivery: Delivery) -> Struct:
        handler = self._table.get(delivery.subject)
        if handler is None:
            raise NotFound(f"Unknown subject {delivery.subject!r}")
        return await handler(delivery.payload)
