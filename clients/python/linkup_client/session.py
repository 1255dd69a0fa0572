"""Owns one connection of a client, from `hello` to the close: heartbeat, silence, resending."""

import asyncio
from collections.abc import Callable

import msgspec
from msgspec import Struct

from linkup_client import frames
from linkup_client.backoff import Timing
from linkup_client.wire import ABNORMAL, Socket, open_socket

TICK = 0.25  # s; looks after what has waited too long

OnFrame = Callable[[frames.ServerFrame | frames.Unknown, int], None]


class Ended(Struct, frozen=True):
    """The reason why a connection ended, and the wait that the server asked for, if any."""

    code: int
    reason: str = ""
    after_ms: int | None = None


class Session:
    """One connection, from its opening to its end. `on_frame` gets every frame after `welcome`,
    with its size; `on_tick` is called often."""

    def __init__(
        self,
        timing: Timing,
        on_welcome: Callable[["Session", frames.Welcome], None],
        on_frame: OnFrame,
        on_tick: Callable[[float], None],
    ) -> None:
        self._timing = timing
        self._on_welcome = on_welcome
        self._on_frame = on_frame
        self._on_tick = on_tick
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Ended] = self._loop.create_future()
        self._welcome: asyncio.Future[frames.Welcome] = self._loop.create_future()
        self._socket: Socket | None = None
        self._after_ms: int | None = None
        self._heard_at = 0.0

    async def open(self, url: str, hello: frames.Hello) -> frames.Welcome | Ended:
        """Raises HandshakeFailed, OSError or TimeoutError; Ended when it was closed at once."""
        timeout = self._timing.open_timeout
        self._socket = await open_socket(url, self._on_text, self._on_closed, timeout=timeout)
        self.send(frames.encode(hello))
        await asyncio.wait(
            (self._welcome, self._ended), timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        if self._welcome.done():
            return self._welcome.result()
        if self._ended.done():
            return self._ended.result()
        raise TimeoutError("no welcome")

    async def live(self, heartbeat: float) -> Ended:
        """Run until the connection ends. A server that is silent for too long counts as gone."""
        ping_at = self._loop.time() + heartbeat
        while not self._ended.done():
            await asyncio.wait((self._ended,), timeout=min(TICK, heartbeat / 4))
            now = self._loop.time()
            if now - self._heard_at > heartbeat * self._timing.silence:
                self._give_up("the server is silent")
            elif now >= ping_at:
                self.send(frames.encode(frames.Ping()))
                ping_at = now + heartbeat
            self._on_tick(now)
        return self._ended.result()

    def send(self, text: bytes) -> None:
        if self._socket is not None:
            self._socket.send(text)

    def refresh(self, token: str) -> None:
        """Replace the token of this connection."""
        self.send(frames.encode(frames.Refresh(token=token)))

    def end(self, why: Ended) -> None:
        """Take nothing more from this connection; `close` follows."""
        if not self._ended.done():
            self._ended.set_result(why)

    async def close(self) -> None:
        self.end(Ended(1000))
        if self._socket is not None:
            await self._socket.close()

    def _on_text(self, text: bytes) -> None:
        self._heard_at = self._loop.time()
        if self._ended.done():
            return  # what comes on a dropped connection comes again on the next
        try:
            frame = frames.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._give_up("what came is no frame")
            return
        match frame:
            case frames.Welcome():
                self._take_welcome(frame)
            case frames.Reconnect():
                self._after_ms = frame.after_ms
            case _:
                self._on_frame(frame, len(text))

    def _take_welcome(self, welcome: frames.Welcome) -> None:
        # Here and now: the first event may stand behind it in the same read.
        if not self._welcome.done():
            self._welcome.set_result(welcome)
            self._on_welcome(self, welcome)

    def _give_up(self, reason: str) -> None:
        self.end(Ended(ABNORMAL, reason))
        if self._socket is not None:
            self._socket.abort()  # a goodbye would wait behind what the other side does not read

    def _on_closed(self, code: int, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(Ended(code, reason, self._after_ms))
