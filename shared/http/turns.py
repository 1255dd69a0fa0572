"""Owns the amount of work in one turn of the event loop when many clients connect at once."""

import asyncio
from collections import deque
from collections.abc import Callable

EACH = 2  # pieces of some 0.3 ms


class Turns:
    """A line in front of work that many bring at once: so many go on in each turn of the loop.

    What else the loop has to do goes on in between. Without a crowd nothing waits.
    """

    def __init__(self, each: int = EACH) -> None:
        self._each = self._left = each
        self._armed = False
        self._line: deque[Callable[[], None]] = deque()

    def take(self, work: Callable[[], None]) -> bool:
        """Do it now, or when its turn comes; first come, first served. Whether it is done."""
        now = bool(self._left) and not self._line
        if now:
            self._do(work)
        else:
            self._line.append(work)
        return now

    async def turn(self) -> None:
        """Wait for a turn."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def go_on() -> None:
            if not future.done():  # who waits may have gone
                future.set_result(None)

        if not self.take(go_on):
            await future

    def _do(self, work: Callable[[], None]) -> None:
        self._left -= 1
        if not self._armed:
            self._armed = True
            asyncio.get_running_loop().call_soon(self._next)
        work()

    def _next(self) -> None:
        self._armed, self._left = False, self._each
        while self._line and self._left:
            self._do(self._line.popleft())
