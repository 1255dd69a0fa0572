"""Owns the measurement of the time from the bus to the WebSockets, for a burst of events."""

import asyncio
import time

from shared.health.metrics import Metrics


class Burst:
    """A burst: the events delivered in one turn of the loop, whose frames are written in the next.

    `idle`: the next delivery is the first of its burst; never where metrics are off. `more`: there
    was another one.
    """

    __slots__ = ("_began", "_observe", "idle", "more")

    def __init__(self, metrics: Metrics) -> None:
        self._observe = metrics.observer("linkup_push_seconds")
        self._began = 0.0
        self.idle = metrics.on
        self.more = False

    def begin(self) -> float:
        """Begin before the first delivery, and return what `end` takes."""
        return time.perf_counter()

    def end(self, began: float) -> None:
        """End after the last delivery, behind its own sockets, whose writes were scheduled
        meanwhile."""
        self._began = began
        self.idle = self.more = False
        asyncio.get_running_loop().call_soon(self._written)

    def _written(self) -> None:
        if self.more:  # others' sockets are written behind this
            asyncio.get_running_loop().call_soon(self._all_written)
        else:
            self._all_written()

    def _all_written(self) -> None:
        self.idle = True
        self._observe(time.perf_counter() - self._began)
