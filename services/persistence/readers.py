"""Owns the read side's tasks: each holds one connection and answers one query at a time."""

import asyncio
import logging
import sqlite3

import msgspec

from services.persistence.connections import Held, ReaderConnection
from services.persistence.followers import Followers
from services.persistence.queries import Queries
from shared import commands
from shared.bus import Bus, Delivery
from shared.errors import Internal, LinkupError, Overloaded, Unavailable

logger = logging.getLogger("linkup.persistence.readers")

MAX_QUEUED = 512


class Readers:
    """A bounded queue of queries in front of a few connections."""

    def __init__(self, url: str, epoch: str, bus: Bus, followers: Followers) -> None:
        self._url = url
        self._followers = followers
        self._epoch = epoch
        self._bus = bus
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue(MAX_QUEUED)

    async def accept(self, delivery: Delivery) -> None:
        try:
            self._queue.put_nowait(delivery)
        except asyncio.QueueFull:
            refusal = commands.refusal(Overloaded("Too many queries wait already"))
            await self._bus.publish(delivery.reply_to, refusal)

    async def run(self) -> None:
        """One reader's life; run as many as there are to be connections."""
        held = Held(self._url, ReaderConnection)
        queries = Queries(held, self._epoch, self._followers)
        try:
            await held.open()
            while True:
                delivery = await self._queue.get()
                answer = await self._answer(held, queries, delivery)
                await self._bus.publish(delivery.reply_to, answer)
        finally:
            await held.close()

    async def _answer(self, held: Held, queries: Queries, delivery: Delivery) -> bytes:
        name = delivery.subject.rpartition(".")[2]
        try:
            return await queries.answer(name, delivery.payload)
        except LinkupError as error:
            return commands.refusal(error)
        except sqlite3.Error as error:
            logger.warning("query %s: %s", name, error)
            await held.close()
            return commands.refusal(Unavailable("The store cannot be read right now"))
        except msgspec.MsgspecError as error:
            logger.error("query %s does not decode: %s", name, error)
            return commands.refusal(Internal("The query does not decode"))
        except Exception:
            logger.exception("query %s failed", name)
            return commands.refusal(Internal("The query failed"))
