"""Owns how much of a crowd's work is done in one turn of the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable

EACH = 2  # pieces of some 0.2 ms


class Turns:
    """A line in front of work that many bring at once: so many go on in each turn of the loop.

    What else the loop has to do goes on in between. Without a crowd nothing waits.
    """

    def __init__(self, each: int = EACH) -> None:
        self._each = self._left = each
        self._armed = False
        self._line: deque[Callable[[], None]] = deque()

    def take(self, work: Callable[[], None]) -> None:
        """Do it now, or when its turn comes; first come, first served."""
        if self._left and not self._line:
            self._do(work)
        else:
            self._line.append(work)

    async def turn(self) -> None:
        """Wait for a turn."""
        if self._left and not self._line:
            self._do(_nothing)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def go_on() -> None:
            if not future.done():  # who waits may have gone
                future.set_result(None)

        self._line.append(go_on)
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


def _nothing() -> None:
    pass
