"""Owns the schedule of an open-loop load, exact to a fraction of a millisecond.

The event loop's own timers round up to whole milliseconds, which would be measured as latency.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

SHORTEST = 0.001  # at high rates several messages share one wake-up


async def ticks(rate: float) -> AsyncIterator[float]:
    """Yield due times by the event loop's clock, `rate` a second, each when it has come.

    A tick is never skipped: whoever is late gets the due times that passed, one after another.
    """
    loop = asyncio.get_running_loop()
    wake, stop = asyncio.Event(), threading.Event()
    start = time.monotonic()  # what loop.time() shows
    beat = threading.Thread(target=_beat, args=(loop, wake, stop, rate, start), daemon=True)
    beat.start()
    number = 0
    try:
        while True:
            await wake.wait()
            wake.clear()
            while (due := start + number / rate) <= loop.time():
                yield due
                number += 1
    finally:
        stop.set()
        await asyncio.to_thread(beat.join)


def _beat(
    loop: asyncio.AbstractEventLoop,
    wake: asyncio.Event,
    stop: threading.Event,
    rate: float,
    start: float,
) -> None:
    step = max(1, round(rate * SHORTEST))
    number = 0
    while not stop.is_set():
        wait = start + number / rate - time.monotonic()
        if wait > 0 and stop.wait(wait):
            return
        loop.call_soon_threadsafe(wake.set)
        number += step
