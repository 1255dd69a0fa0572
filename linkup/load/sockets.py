"""Owns one socket of a load run: its hello, its heartbeat, and its place in the feed."""

import asyncio

import msgspec
from linkup_client import frames
from linkup_client.wire import Socket, open_socket

from linkup.load.tally import Tally

WELCOME_TIMEOUT = 10.0


class Refused(Exception):
    """The server does not take this socket: a close code (4029 …) or an HTTP status."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}".rstrip())
        self.code = code


class LoadSocket:
    """One socket of a pair: says hello, keeps the heartbeat, follows the feed's cursor."""

    def __init__(self, user_id: str, tally: Tally) -> None:
        self.user_id = user_id
        self.tally = tally
        self.cursor = 0
        self.counted = 0  # feed positions accounted for: frames received and own acks
        self.start_cursor = 0
        self.complete = False  # the last pong's cursor was exactly what had been counted
        self.passed = 0
        self._socket: Socket | None = None
        self._welcome: asyncio.Future[frames.Welcome] = asyncio.get_running_loop().create_future()
        self._leaving = False

    async def join(self, url: str, token: str) -> frames.Welcome:
        """Raises Refused, OSError, TimeoutError and what wire.open_socket does."""
        self._socket = await open_socket(url, self.on_text, self._on_closed)
        self.send(frames.Hello(token=token))
        async with asyncio.timeout(WELCOME_TIMEOUT):
            welcome = await self._welcome
        self.cursor = self.start_cursor = welcome.cursor
        return welcome

    def send(self, frame: msgspec.Struct) -> None:
        self.send_text(frames.encode(frame))

    def send_text(self, text: bytes) -> None:
        if self._socket is not None:
            self._socket.send(text)

    async def leave(self) -> None:
        self._leaving = True
        if self._socket is not None:
            await self._socket.close()

    def ping(self) -> None:
        self.send(frames.Ping())

    def on_frame(self, frame: frames.ServerFrame | frames.Unknown) -> None:
        """Handle a frame on one side of a pair."""

    def in_feed(self, cursor: int) -> None:
        self.counted += 1
        if cursor <= self.cursor:
            self.tally.gap(f"{self.user_id}: cursor {cursor} after {self.cursor}")
        self.cursor = cursor

    def on_text(self, text: bytes) -> None:
        try:
            frame = frames.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.tally.corrupted += 1
            return
        match frame:
            case frames.Welcome():
                if not self._welcome.done():
                    self._welcome.set_result(frame)
            case frames.Pong():
                self.passed = frame.cursor - self.start_cursor
                self.complete = self.passed == self.counted
            case frames.Receipt():
                self.in_feed(frame.cursor)
            case frames.ResyncRequired():
                self.tally.gap(f"{self.user_id}: resync_required, {frame.reason}")
            case _:
                self.on_frame(frame)

    def _on_closed(self, code: int, reason: str) -> None:
        if not self._welcome.done():
            self._welcome.set_exception(Refused(code, reason))
        elif not self._leaving:
            self.tally.closed[f"{code} {reason}".rstrip()] += 1
            self.tally.broken.set()
