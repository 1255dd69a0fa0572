"""Owns how long tests wait: for a condition, never for a time."""

import asyncio
import os
from collections.abc import Awaitable, Callable

TIMEOUT_FACTOR = float(os.environ.get("TIMEOUT_FACTOR", "1"))  # for slow or shared machines
POLL = 0.02


def within(seconds: float) -> asyncio.Timeout:
    """`async with within(2):` on a quiet machine; the one factor makes it longer."""
    return asyncio.timeout(seconds * TIMEOUT_FACTOR)


async def eventually(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 20) -> None:
    """Wait until the condition, a function or a coroutine function, holds. Raises TimeoutError."""
    async with within(seconds):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(POLL)
