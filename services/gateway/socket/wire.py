"""Owns what ASGI lacks: several frames in one write, and the abort of clients that do not read.

`send(close)` waits behind a full buffer, and uvicorn's own keepalive closes without telling the
application: a peer that stops reading would keep its descriptor until the kernel gives up.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import accumulate, takewhile
from typing import Protocol, cast

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader, InvalidState
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request
from websockets.protocol import Protocol as Frames

from services.gateway.socket.inbound import Inbound
from services.gateway.socket.inbox import Inbox
from shared.frames import CloseCode as Ours
from shared.health.records import record
from shared.http.admission import Guest
from shared.http.connection import Config
from shared.http.reaper import CLOSE_TIMEOUT, Reaper
from shared.pace import Pace
from shared.settings import Settings

EXTENSION = "linkup.wire"
FRAMES_A_TURN = 4  # of one socket, before the loop turns to the others
BYTES_A_FRAME = 8192  # a longer one counts for several
BURST_SECONDS = 4  # how much of its pace a socket may use at once
LEAST_WAIT = 0.25  # seconds, so that a throttled socket does not wake up for every frame
REFUSED = 10  # what a refused frame costs in place of one: an error is dear, and asked for nothing
MAX_UNREAD_FRAMES = 16  # of the client, before no more is parsed
MAX_FRAGMENTS = 256  # of one message
MAX_UNREAD_BYTES = 64 * 1024  # in the socket's buffer, above what the outbox may put there
WRITE_BYTES = 32 * 1024  # handed to the kernel at once, between two looks at the peer's pace


class Listener(Protocol):
    """The application, once it takes text frames in the turn of the loop in which they come."""

    def hear(self, text: str) -> None: ...

    def is_full(self) -> bool:
        """Return whether the next frame has to wait, until `go_on` is called."""


class Wire(WebSocketsSansIOProtocol):
    """uvicorn's protocol, handed to the application as a scope extension."""

    listener: Listener | None = None  # without one, text frames are queued as all else is
    config: Config
    guest: Guest  # set when shared/http/connection.py has handed the connection over

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.queue = Inbox(self.loop)  # type: ignore[assignment]  # what uvicorn uses of one
        self.inbound = Inbound()
        self.pace = pace_of(self.config.settings)
        self._later: asyncio.Handle | None = None  # the next turn of `_pump`
        self._loud_since: float | None = None
        self._failed = False
        self._defect: Exception | None = None  # of the listener
        self.on_room: Callable[[], None] = lambda: None  # the peer takes more again
        self.read_paused = True  # uvicorn would stop and start reading around every single frame
        settings = self.config.settings
        self.reaper = Reaper(self.transport, settings.stall_timeout, self.config.counters)
        # Whatever the kernel does not take at once has to wait for the peer: that is the sign.
        self.transport.set_write_buffer_limits(0)
        kernel: socket.socket = self.transport.get_extra_info("socket")
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.send_buffer_bytes)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: also for what the kernel holds alone
            wait_ms = int(settings.stall_timeout * 1000)
            kernel.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, wait_ms)

    def connection_lost(self, exc: Exception | None) -> None:
        self.reaper.stop()
        self.inbound.clear()
        if self._later is not None:
            self._later.cancel()
        self.config.admission.leave(self.guest)
        if not self.close_sent and self.conn.close_rcvd is None:  # uvicorn calls that 1005
            lost = CloseCode.ABNORMAL_CLOSURE
            self.queue.put_nowait({"type": "websocket.disconnect", "code": lost})
        super().connection_lost(exc)

    def upgrade(self, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Begin with a head that `shared.http` has read: the library need not read it again."""
        self.conn.parser = Frames.parse(self.conn)  # of frames: what comes next
        next(self.conn.parser)
        named = Headers()
        try:
            for name, value in headers:
                named[name.decode()] = value.decode("iso-8859-1")  # as the library reads it
        except InvalidHeader as error:
            self.conn.handshake_exc = error
            self._refuse_handshake()
        else:
            self.handle_connect(Request(target.decode(), named))
        self._ends()

    def data_received(self, data: bytes) -> None:
        if self._failed:
            return  # it is only read so that the reason is not lost in a reset
        self.inbound.add(data)
        if self._later is None:
            self._pump()

    def _pump(self) -> None:
        """Parse a few frames, as far as there is room for them; the rest at a later turn."""
        self._later = None
        if self._loud_since is not None and self.pace.rested():
            self._loud_since = None
        for _ in range(FRAMES_A_TURN):
            if self.transport.is_closing():
                self.inbound.clear()
            if not self.inbound.ready or self._full():
                break
            size = self.inbound.begins
            if wait := self.pace.take(1 + size // BYTES_A_FRAME if size else 0):
                self._throttle(wait)
                break
            self._parse()
        else:
            self._later = self.loop.call_soon(self._pump)
        self._steer()
        self._ends()

    def _parse(self) -> None:
        """Parse the next frame, or what there is of it."""
        super().data_received(self.inbound.take())

    def _full(self) -> bool:
        if self.listener is not None and self.listener.is_full():
            return True
        return not self.handshake_complete or self.queue.qsize() >= MAX_UNREAD_FRAMES

    def _steer(self) -> None:
        """Stop or start reading: frames that wait here keep the rest waiting at the peer."""
        if self.inbound.ready:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _throttle(self, wait: float) -> None:
        """Read at its pace one who sends more than its share, and not for ever."""
        now, patience = self.loop.time(), self.config.settings.shouting_for
        if self._loud_since is None:
            self._loud_since = now
            address = self.client[0] if self.client else ""
            self.config.counters.hit(
                "frames_per_second", "a socket sends more than is read", address=address
            )
        if 0 < patience < now - self._loud_since:
            self._fail(Ours.ABUSE, "too many frames")
        else:
            self._later = self.loop.call_later(max(wait, LEAST_WAIT), self._pump)

    def eof_received(self) -> None:
        super().eof_received()
        self.reaper.close_soon()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.reaper.watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.reaper.relax()
        self.on_room()

    async def receive(self) -> ASGIReceiveEvent:
        message = await self.queue.get()
        if self._defect is not None:
            raise self._defect
        self.go_on()
        return message

    def go_on(self) -> None:
        """Parse what waits, since there may be room for it."""
        if self._later is None and self.inbound.ready:
            self._later = self.loop.call_soon(self._pump)

    def listen(self, listener: Listener) -> None:
        """Hand text frames to the listener from now on, if none are queued for `receive`."""
        if not self.queue.qsize():
            self.listener = listener

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close":
            self.reaper.close_soon()  # also while the frames before it are not taken
        await super().send(message)
        self.go_on()

    async def run_asgi(self) -> None:
        cast(dict[str, object], self.scope["extensions"])[EXTENSION] = self
        await super().run_asgi()
        self._ends()

    def shutdown(self) -> None:
        super().shutdown()
        self._ends()

    def keepalive_timeout(self) -> None:
        if self.inbound.ready and self.ping_timeout:  # its pong waits behind what it sent before
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        record("connection_error", "a socket does not answer pings", severity="low")
        self.abort()

    def handle_ping(self) -> None:
        """Answer a ping. Pongs pass by the flow control: who floods pings and reads nothing is
        dropped."""
        super().handle_ping()
        if self.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self.abort()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MAX_FRAGMENTS:
            self._fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Like uvicorn's, but invalid text is a fault of the client and logs no traceback."""
        content, self.frames = b"".join(self.frames), []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self.queue.put_nowait({"type": "websocket.receive", "bytes": content})
            return
        self._on_text(content)

    def _on_text(self, content: bytes) -> None:
        try:
            text = content.decode()
        except UnicodeDecodeError:
            self._fail(CloseCode.INVALID_DATA, "text is UTF-8")
            return
        if self.listener is None:
            self.queue.put_nowait({"type": "websocket.receive", "text": text})
        else:
            self._hand_over(text, self.listener)

    def _hand_over(self, text: str, listener: Listener) -> None:
        try:
            listener.hear(text)
        except Exception as defect:  # noqa: BLE001 - raised by `receive`, which ends the socket
            self._defect, self.listener = defect, None
            self.queue.put_nowait(
                {"type": "websocket.disconnect", "code": CloseCode.INTERNAL_ERROR}
            )

    def handle_parser_exception(self) -> None:
        """Like uvicorn's, but a close with unread bytes must not send a reset, which loses the
        reason."""
        reason = self.conn.close_sent
        code = reason.code if reason is not None else CloseCode.ABNORMAL_CLOSURE
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self._failed = True
        self.inbound.clear()
        self.close_timer = self.loop.call_later(CLOSE_TIMEOUT, self.transport.close)
        if self.transport.can_write_eof():
            with suppress(OSError):  # the peer has reset it
                self.transport.write_eof()

    def _fail(self, code: int, reason: str) -> None:
        record("validation_error", f"a socket is closed: {reason}", code=int(code))
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def forget_head(self) -> None:
        """Forget the head of the request, which was read: an idle socket need not keep some 4 KiB
        of it."""
        self.scope["headers"] = []
        del self.request, self.response

    def charge(self, cost: float) -> None:
        """Charge the last frame's cost beyond being read."""
        self.pace.spend(cost)

    def admit(self) -> bool:
        """Make the connection that of a known user, unless there are too many sockets."""
        return self.config.admission.know(self.guest)

    def abort(self) -> None:
        """Drop the connection and whatever it has not read."""
        self.transport.abort()

    def _ends(self) -> None:
        if self.close_sent or self.transport.is_closing():
            self.reaper.close_soon()

    def _refuse_handshake(self) -> None:
        """websockets answers some of what it cannot read, and is silent about the rest."""
        answer = b"".join(self.conn.data_to_send())
        if not answer:
            answer = self.conn.reject(400, f"{self.conn.handshake_exc}\n").serialize()
        self.handshake_initiated = self.close_sent = True
        self.transport.write(answer)
        self.transport.close()

    def write(self, texts: Sequence[bytes]) -> int:
        """Write text frames with as few system calls as possible, as far as the peer takes them.

        How many it took; `on_room` is called when it takes more. All when the socket is gone: the
        reader is told of that.
        """
        taken = 0
        while taken < len(texts) and self.writable.is_set():
            if self.disconnected or self.close_sent or self.transport.is_closing():
                return len(texts)
            piece = _piece(texts[taken:])
            self._say(piece)
            taken += len(piece)
        return taken

    def _say(self, texts: Sequence[bytes]) -> None:
        """Hand text frames to the transport together; none after a close."""
        with suppress(InvalidState):
            for text in texts:
                self.conn.send_text(text)
        self.transport.write(b"".join(self.conn.data_to_send()))


def _piece(texts: Sequence[bytes]) -> Sequence[bytes]:
    """Return the first frames, up to WRITE_BYTES."""
    if sum(map(len, texts)) < WRITE_BYTES:
        return texts
    sizes = accumulate(map(len, texts))
    return texts[: 1 + sum(1 for _ in takewhile(lambda size: size < WRITE_BYTES, sizes))]


def pace_of(settings: Settings) -> Pace:
    """Return the pace of a socket's frames, which is several times what its user may write."""
    if not settings.message_rate:
        return Pace(0, 1)
    rate = max(settings.frames_per_second, 2 * settings.message_rate)
    if not settings.frames_per_second:
        return Pace(0, 1)
    return Pace(rate, max(BURST_SECONDS * rate, 2.0 * settings.message_burst))
