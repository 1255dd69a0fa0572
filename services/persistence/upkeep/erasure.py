"""Owns removing erased text from the write-ahead log.

`secure_delete` overwrites it in the pages of the database; the pages as they were before stay in
the log's file until that is begun anew, which on a quiet server may take days.
"""

import asyncio
import logging

from services.persistence.store.store import Store
from shared.errors import Unavailable
from shared.sqlite.overwriting import empty_the_log

logger = logging.getLogger("linkup.persistence.erasure")

PAUSE = 30.0  # seconds: of many erasures one checkpoint, which costs what any checkpoint does


class Erasure:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> None:
        """Erase until cancelled, beginning with what an earlier process may have left."""
        erased = self._store.erased
        erased.set()
        while True:
            await erased.wait()
            await asyncio.sleep(PAUSE)
            erased.clear()
            try:
                done = await self._store.between(empty_the_log)
            except Unavailable as error:
                logger.warning("the write-ahead log is not emptied: %s", error.__cause__)
                done = False
            if not done:
                erased.set()
