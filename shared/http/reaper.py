"""Owns the abort of connections whose peer does not read.

`transport.close()` waits until all that was written is taken, and a peer that never reads would
keep its descriptor until the kernel gives up.
"""

import asyncio

from shared.health.counters import Counters

CLOSE_TIMEOUT = 2.0  # seconds for the last bytes, and for the peer's part of the close


class Reaper:
    """Watches one transport. `seconds`: how long the peer may take nothing of what waits."""

    __slots__ = ("_counters", "_end", "_left", "_look", "_loop", "_seconds", "_transport")

    def __init__(
        self, transport: asyncio.WriteTransport, seconds: float, counters: Counters
    ) -> None:
        self._transport = transport
        self._seconds = seconds
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._look: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None
        self._left = 0

    def watch(self) -> None:
        """Watch the peer, who has to read from now on: the kernel takes no more."""
        if self._look is None:
            self._left = self._transport.get_write_buffer_size()
            self._look = self._loop.call_later(self._seconds, self._judge)

    def relax(self) -> None:
        """Watch no more: all was taken."""
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def close_soon(self) -> None:
        """Let nothing keep the connection longer than CLOSE_TIMEOUT: it ends."""
        if self._end is None:
            self._end = self._loop.call_later(CLOSE_TIMEOUT, self._transport.abort)

    def stop(self) -> None:
        """Stop: the connection is gone."""
        self.relax()
        if self._end is not None:
            self._end.cancel()

    def _judge(self) -> None:
        left, self._look = self._transport.get_write_buffer_size(), None
        if left >= self._left:
            self._counters.hit(
                "peers_stalled", "a peer that takes nothing was cut off", "connection_error"
            )
            self._transport.abort()
        elif left:
            self.watch()
