"""Owns what runs beside a test, and ends before the test's loop and store are closed."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Cancelled at the end, and waited for; raises what it failed with."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        while not task.done():  # before Python 3.12, `wait_for` may lose a cancellation
            task.cancel()
            await asyncio.wait([task], timeout=1)
        with suppress(asyncio.CancelledError):
            await task
