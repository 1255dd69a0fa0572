"""Owns the frames waiting for one socket: bounded by count and bytes, written many at a time."""

import asyncio

from services.gateway.socket.wire import Wire


class Overflow(Exception):
    """The peer does not keep up; whoever pushed must close the socket."""


class Outbox:
    """Frames in order. A replayed page is not counted: whoever sends one waits with `drained`."""

    def __init__(self, wire: Wire, max_frames: int, max_bytes: int) -> None:
        self._wire = wire
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._frames: list[bytes] = []
        self._count = 0
        self._bytes = 0
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._ended = False

    def push(self, frame: bytes) -> None:
        """Raises Overflow when the bound is reached; the frame is then not queued."""
        if self._count >= self._max_frames or self._bytes + len(frame) > self._max_bytes:
            raise Overflow
        self._count += 1
        self._bytes += len(frame)
        self.add(frame)

    def offer(self, frame: bytes) -> bool:
        """Queue what may as well be dropped: False once half of the bound is in use."""
        size = self._bytes + len(frame)
        if 2 * self._count >= self._max_frames or 2 * size > self._max_bytes:
            return False
        self.push(frame)
        return True

    @property
    def pending(self) -> int:
        """Frames not written yet."""
        return len(self._frames)

    def add(self, frame: bytes) -> None:
        """Queue outside the bound: replays and farewells, whose sender waits for `drained`."""
        self._frames.append(frame)
        self._drained.clear()
        self._wake.set()

    async def drained(self) -> None:
        """Wait until all that was queued is written."""
        await self._drained.wait()

    def end(self) -> None:
        """Let `run` return once everything queued is written."""
        self._ended = True
        self._wake.set()

    def discard(self) -> None:
        """Forget what waits: the peer will not read it."""
        self._frames = []

    async def run(self) -> None:
        while self._frames or not self._ended:
            await self._wake.wait()
            self._wake.clear()
            frames, self._frames = self._frames, []
            self._count = self._bytes = 0
            await self._wire.send_frames(frames)
            if not self._frames:
                self._drained.set()
