"""Owns the received events that were not consumed yet: in order, once, and limited in number.

When it is full, further events are let go, and when half of it was taken `on_room` is called: a
new connection then goes on from the last event kept. Acks never pass through here, so a caller
that sends from inside its event loop cannot block itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from linkup_client.frames import Event, ResyncRequired

MAX_EVENTS = 1_000
MAX_BYTES = 4 * 1024 * 1024


class Inbox:
    """The events that wait for the caller. `cursor` and `epoch` say what the caller was given,
    `head` and `head_epoch` what was kept for it."""

    def __init__(self, epoch: str | None, cursor: int | None, on_room: Callable[[], None]) -> None:
        self.epoch = self.head_epoch = epoch
        self.cursor = self.head = cursor
        self._on_room = on_room
        self._waiting: deque[tuple[Event | None, int, int]] = deque()  # event, cursor, bytes
        self._bytes = 0
        self._overflown = False
        self._closed = False
        self._news = asyncio.Event()

    def begin(self, epoch: str, cursor: int) -> None:
        """Start afresh at the present."""
        self.epoch = self.head_epoch = epoch
        self.cursor = self.head = cursor

    def reconnected(self) -> None:
        """Take in that the server replays from `head`: nothing that was let go is missing any
        more."""
        self._overflown = self._filled(1)

    def put(self, event: Event, cursor: int, size: int) -> None:
        self._overflown = self._overflown or self._filled(1)
        if self._is_next(cursor):
            self._append(event, cursor, size)

    def moved(self, cursor: int) -> None:
        """Take in that nothing for the caller stands at that place of the feed."""
        if not self._is_next(cursor):
            return
        if self._waiting:
            self._append(None, cursor, 0)
        else:
            self.cursor = self.head = cursor

    def resync(self, event: ResyncRequired) -> None:
        """Keep a resync, which is never let go; a newer one replaces one that was not taken yet."""
        if self._waiting and isinstance(self._waiting[-1][0], ResyncRequired):
            self._waiting.pop()
        self._overflown = False
        self.head_epoch = event.epoch
        self._append(event, event.cursor, 0)

    async def take(self) -> Event | None:
        """Return the next event, when there is one; None when nothing will come any more."""
        while True:
            while self._waiting:
                event = self._pop()
                if event is not None:
                    return event
            if self._closed:
                return None
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """Stop receiving. Buffered events can still be consumed."""
        self._closed = True
        self._news.set()

    def _pop(self) -> Event | None:
        was_half = self._filled(0.5)
        event, self.cursor, size = self._waiting.popleft()
        self._bytes -= size
        if isinstance(event, ResyncRequired):
            self.epoch = event.epoch
        if self._overflown and was_half and not self._filled(0.5):
            self._on_room()
        return event

    def _filled(self, part: float) -> bool:
        return len(self._waiting) >= MAX_EVENTS * part or self._bytes >= MAX_BYTES * part

    def _is_next(self, cursor: int) -> bool:
        return not self._overflown and (self.head is None or cursor > self.head)

    def _append(self, event: Event | None, cursor: int, size: int) -> None:
        if event is None and self._waiting[-1][0] is None:
            self._waiting.pop()
        self._waiting.append((event, cursor, size))
        self._bytes += size
        self.head = cursor
        self._news.set()
