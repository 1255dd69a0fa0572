"""Owns the task that adds new messages to the search index, between batches and after the acks.

Search may lag behind; a message is found some time after it was acknowledged.
"""

import asyncio
import logging
import sqlite3
import time

from services.persistence.store.store import Store
from shared.health.records import record

logger = logging.getLogger("linkup.persistence.indexer")

GATHER = 0.25  # seconds: many messages in one transaction cost less than one each
PAUSE = 0.75  # seconds, before it gathers again: a search lags behind by a second at most
RETRY = 5.0
MESSAGES = 32  # in one transaction: a batch that comes meanwhile waits a millisecond or two
CHARACTERS = 4_000
REST = 9  # times what the last transaction took, while messages are stored


class Indexer:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> None:
        """Index until cancelled, beginning with what an earlier process or release left."""
        grown = self._store.grown
        grown.set()
        while True:
            await grown.wait()
            await asyncio.sleep(GATHER)
            try:
                await self._catch_up()
                await asyncio.sleep(PAUSE)
            except sqlite3.Error as error:
                logger.warning("the index waits: %s", error)
                record("persistence_error", "the index waits: {reason}", reason=str(error))
                grown.set()
                await asyncio.sleep(RETRY)

    async def _catch_up(self) -> None:
        more = True
        while more:
            grown = self._store.grown.is_set()
            self._store.grown.clear()
            began = time.monotonic()
            more = await self._store.index(MESSAGES, CHARACTERS)
            await asyncio.sleep((time.monotonic() - began) * (REST if grown else 1))
