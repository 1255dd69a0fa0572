"""Owns finding out that the store can be written again: while it is called unready, nobody may
come who would try.
"""

import asyncio
from contextlib import suppress

from services.persistence.store import Store
from shared.errors import Unavailable

PAUSE = 2.0  # seconds between two tries


async def recover(store: Store) -> None:
    """Until it is cancelled."""
    while True:
        await asyncio.sleep(PAUSE)
        if store.trouble:
            with suppress(Unavailable):  # it is in `trouble`, and in the health check
                await store.probe()
