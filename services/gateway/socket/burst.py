"""Owns how long a burst of events takes from the bus to the sockets."""

import asyncio
import time

from shared.metrics import Metrics


class Burst:
    """What is delivered in one turn of the loop. What it pushed is written in the next turn."""

    __slots__ = ("_began", "_more", "_observe", "_on")

    def __init__(self, metrics: Metrics) -> None:
        self._observe = metrics.observer("linkup_push_seconds")
        self._on = metrics.on
        self._began = 0.0
        self._more = False

    def begin(self) -> float:
        """Before a delivery: what `end` takes."""
        return time.perf_counter() if self._on and not self._began else 0.0

    def end(self, began: float) -> None:
        """After it: behind its own sockets, whose writes were scheduled meanwhile."""
        if began:
            self._began = began
            asyncio.get_running_loop().call_soon(self._written)
        else:
            self._more = True

    def _written(self) -> None:
        if self._more:  # others' sockets are written behind this
            asyncio.get_running_loop().call_soon(self._all_written)
        else:
            self._all_written()

    def _all_written(self) -> None:
        self._more = False
        self._observe(time.perf_counter() - self._began)
        self._began = 0.0
