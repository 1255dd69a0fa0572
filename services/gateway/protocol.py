"""Owns what ASGI cannot do: many frames in one write, and the end of a socket that never reads.

`send(close)` waits behind a full buffer, and uvicorn's own keepalive closes without telling the
application: a peer that stops reading would keep its descriptor until the kernel gives up.
"""

from asyncio import BaseTransport
from collections.abc import Sequence
from typing import cast

from starlette.websockets import WebSocket
from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

EXTENSION = "linkup.wire"
MAX_UNREAD_FRAMES = 16  # of the client, before no more is read from its socket
MAX_UNREAD_BYTES = 512 * 1024  # in the socket's buffer, above what the outbox may put there
WRITE_BYTES = 64 * 1024  # handed to the kernel at once, between two looks at the peer's pace


class Wire(WebSocketsSansIOProtocol):
    """uvicorn's protocol, handed to the application as a scope extension."""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.read_paused = True  # uvicorn would stop and start reading around every single frame

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.queue.qsize() >= MAX_UNREAD_FRAMES:
            self.transport.pause_reading()

    async def receive(self) -> ASGIReceiveEvent:
        message = await self.queue.get()
        if self.queue.empty():
            self.transport.resume_reading()
        return message

    async def run_asgi(self) -> None:
        cast(dict[str, object], self.scope["extensions"])[EXTENSION] = self
        await super().run_asgi()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.abort()

    def handle_ping(self) -> None:
        """Pongs pass by the flow control: who floods pings and reads nothing is dropped."""
        super().handle_ping()
        if self.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self.abort()

    def abort(self) -> None:
        """Drop the connection and whatever it has not read."""
        self.transport.abort()

    async def send_frames(self, texts: Sequence[bytes]) -> None:
        """Write text frames with as few system calls as possible, at the peer's pace.

        Returns early when the socket is gone: the reader is told of that.
        """
        size = 0
        for text in texts:
            if size == 0:
                await self.writable.wait()
                if self.disconnected or self.close_sent or self.transport.is_closing():
                    return
            try:
                self.conn.send_text(text)
            except InvalidState:
                return
            size += len(text)
            if size >= WRITE_BYTES:
                self.transport.write(b"".join(self.conn.data_to_send()))
                size = 0
        if size:
            self.transport.write(b"".join(self.conn.data_to_send()))


def wire_of(websocket: WebSocket) -> Wire:
    return cast(Wire, websocket.scope["extensions"][EXTENSION])
