"""Owns the deletion of files that were erased or not sent in time.

Condemn the record (nothing can take it any more), delete the bytes, forget the record. A crash
between any two of these is made good by the next round, of whichever gateway.
"""

import asyncio
import logging
import random
from contextlib import suppress

from services.gateway.attachments.objects import Objects
from services.gateway.attachments.uploads import original, thumbnail
from services.gateway.upstream.lanes import Lanes
from shared.commands import CondemnAttachments, Condemned, Done, ForgetAttachments
from shared.errors import LinkupError
from shared.health.records import record

logger = logging.getLogger("linkup.gateway.sweep")


class Sweep:
    """Deletes the files that are due. `every` is the number of seconds between two rounds; `wake`
    asks for one now."""

    def __init__(self, lanes: Lanes, objects: Objects, every: float) -> None:
        self._lanes = lanes
        self._objects = objects
        self._every = every
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        next_round = clock()
        while True:
            self._woken.clear()
            whole = clock() >= next_round
            if whole:
                next_round = clock() + self._every * random.uniform(0.8, 1.2)
            try:
                await self.once()
                if whole:  # it lists the whole folder: not for each message that is erased
                    await self._objects.clear_staged()
            except LinkupError as error:
                logger.warning("files to go stay for now: %s", error.__cause__ or error)
                record("persistence_error", "files to go stay for now", severity="medium")
            with suppress(TimeoutError):
                async with asyncio.timeout_at(next_round):
                    await self._woken.wait()

    async def once(self) -> None:
        """Delete until nothing is due. Raises LinkupError."""
        while due := await self._due():
            await self._objects.delete(path(one) for one in due for path in (original, thumbnail))
            forget = ForgetAttachments(attachment_ids=due)
            await self._lanes.call(forget, Done)

    async def _due(self) -> list[str]:
        return (await self._lanes.call(CondemnAttachments(), Condemned)).attachment_ids
