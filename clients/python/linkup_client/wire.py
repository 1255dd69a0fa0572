"""Owns the WebSocket over asyncio: text frames in and out, through callbacks.

Thinner than `websockets.asyncio`: no task and no queue per socket, and whatever was sent during
one turn of the event loop leaves in one write.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from linkup_client.errors import LinkupError

MAX_SIZE = 1024 * 1024
CLOSE_TIMEOUT = 2.0  # s the server has to finish the closing handshake
ABNORMAL = 1006  # RFC 6455: lost without a close frame

OnText = Callable[[bytes], None]
OnClosed = Callable[[int, str], None]


class HandshakeFailed(LinkupError):
    """There is an answer, but no WebSocket. `status`: that of HTTP, 0 when it was not even that."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Socket(asyncio.Protocol):
    """A WebSocket, made by `open_socket`.

    `on_text` and `on_closed` are called by the event loop: do not block. `on_closed` is called
    once, with the close code (1006: without a goodbye) and reason.
    """

    def __init__(self, uri: WebSocketURI, on_text: OnText, on_closed: OnClosed) -> None:
        self._conn = ClientProtocol(uri, subprotocols=[Subprotocol("linkup.v1")], max_size=MAX_SIZE)
        self._loop = asyncio.get_running_loop()
        self._on_text = on_text
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._parts: list[bytes] = []
        self._flush_due = False
        self._reading = False
        self._kill: asyncio.TimerHandle | None = None

    def send(self, text: bytes) -> None:
        """Send a text with the next write; what can no longer leave is dropped."""
        if self._conn.state is not State.OPEN:
            return
        self._conn.send_text(text)
        self._flush_soon()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, wait a little for the answer, and be gone."""
        if self._conn.state is State.OPEN:
            self._conn.send_close(code, reason)
            self._flush()
        if self._kill is None:
            self._kill = self._loop.call_later(CLOSE_TIMEOUT, self.abort)
        await asyncio.shield(self._closed)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def opened(self) -> None:
        """Raises HandshakeFailed or OSError."""
        await self._opened

    # ---------------------------------------------------------- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._conn.send_request(self._conn.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._conn.receive_data(data)
        self._reading = True
        try:
            for event in self._conn.events_received():
                self._take(event)
        finally:
            self._reading = False
        self._flush()
        if self._kill is None and self._conn.close_expected():
            self._kill = self._loop.call_later(CLOSE_TIMEOUT, self.abort)

    def eof_received(self) -> None:
        self._conn.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._conn.receive_eof()
        if self._kill is not None:
            self._kill.cancel()
        if not self._closed.done():
            self._closed.set_result(None)
        if not self._opened.done():
            self._fail_handshake(exc)
        elif not self._opened.cancelled() and self._opened.exception() is None:
            self._on_closed(self._conn.close_code or ABNORMAL, self._conn.close_reason or "")

    # ---------------------------------------------------------- inside

    def _take(self, event: object) -> None:
        match event:
            case Frame(opcode=Opcode.TEXT, fin=True):
                self._on_text(cast(bytes, event.data))
            case Frame(opcode=Opcode.TEXT | Opcode.BINARY | Opcode.CONT):
                self._take_part(event)
            case Response():
                self._take_response(event)

    def _take_part(self, frame: Frame) -> None:
        self._parts.append(bytes(frame.data))
        if frame.fin:
            text, self._parts = b"".join(self._parts), []
            self._on_text(text)

    def _take_response(self, response: Response) -> None:
        if self._opened.done():
            return  # whoever asked has gone
        if self._conn.handshake_exc is None:
            self._opened.set_result(None)
        else:
            self._fail_handshake(None)

    def _fail_handshake(self, lost: Exception | None) -> None:
        fault = self._conn.handshake_exc
        if isinstance(fault, InvalidStatus):
            status = fault.response.status_code
            self._opened.set_exception(HandshakeFailed(status, f"HTTP {status}"))
        elif isinstance(fault, InvalidHandshake) and lost is None:
            self._opened.set_exception(HandshakeFailed(0, str(fault)))
        else:
            self._opened.set_exception(lost or ConnectionResetError("closed during the handshake"))

    def _flush_soon(self) -> None:
        # While reading, data_received flushes at its end anyway.
        if not self._flush_due and not self._reading:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        transport = self._transport
        writes = self._conn.data_to_send()
        if not writes or transport is None or transport.is_closing():
            return
        ends = writes[-1] == b""  # the protocol's sign for: nothing follows
        transport.write(b"".join(writes))
        if ends:
            transport.close()


async def open_socket(
    url: str, on_text: OnText, on_closed: OnClosed, *, timeout: float = 10.0
) -> Socket:
    """Raises HandshakeFailed, OSError, TimeoutError, or InvalidURI of websockets."""
    uri = parse_uri(url)
    secure = ssl.create_default_context() if uri.secure else None
    async with asyncio.timeout(timeout):
        _, socket = await asyncio.get_running_loop().create_connection(
            lambda: Socket(uri, on_text, on_closed), uri.host, uri.port, ssl=secure
        )
        try:
            await socket.opened()
        except BaseException:
            socket.abort()
            raise
    return socket
