"""Owns the frames that wait for one WebSocket: limited in number and bytes, written together."""

import asyncio

from services.gateway.socket.wire import Wire


class Overflow(Exception):
    """The peer does not keep up; whoever pushed must close the socket."""


class Outbox:
    """Frames in order. What gathers in a turn of the loop is written at its end, as far as the
    peer takes it; the wire calls `flush` when it takes more.

    A replayed page is not counted: whoever sends one waits with `drained`.
    """

    __slots__ = (
        "_bytes",
        "_count",
        "_drained",
        "_frames",
        "_max_bytes",
        "_max_frames",
        "_scheduled",
        "_stuck",
        "_wire",
    )

    def __init__(self, wire: Wire, max_frames: int, max_bytes: int) -> None:
        self._wire = wire
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._frames: list[bytes] = []
        self._stuck: list[bytes] = []  # handed to the wire, and not taken by the peer yet
        self._count = 0
        self._bytes = 0
        self._scheduled = False
        self._drained: asyncio.Future[None] | None = None  # somebody waits

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
        return len(self._stuck) + len(self._frames)

    def add(self, frame: bytes) -> None:
        """Queue outside the bound: replays and farewells, whose sender waits for `drained`."""
        self._frames.append(frame)
        if not self._scheduled and not self._stuck:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self.flush)

    async def drained(self) -> None:
        """Wait until all that was queued is written."""
        if self.pending:
            if self._drained is None:
                self._drained = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drained)

    def discard(self) -> None:
        """Forget what waits: the peer will not read it."""
        self._frames = []

    def flush(self) -> None:
        """Write what waits, as far as the peer takes it."""
        self._scheduled = False
        while self.pending:
            if not self._stuck:
                self._stuck, self._frames = self._frames, []
                self._count = self._bytes = 0
            taken = self._wire.write(self._stuck)
            self._stuck = self._stuck[taken:]
            if self._stuck:
                return
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None
