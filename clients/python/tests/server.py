"""A server on a free port that a test plays itself, over real WebSockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

NOW = "2026-11-29T09:30:00.000000Z"
Frame = dict[str, Any]


class Server:
    """`url` for `connect`; `sockets` are those that came in."""

    def __init__(self) -> None:
        self.url = ""
        self.sockets: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def accept(self, cursor: int = 0) -> tuple[ServerConnection, Frame]:
        """Welcome the next client, as the user `ann`; its socket and its `hello`."""
        socket = await self.sockets.get()
        hello = await receive(socket, "hello")
        welcome = {"user_id": "ann", "connection_id": "c1", "epoch": "e1", "cursor": cursor}
        await send(socket, "welcome", **welcome, heartbeat_ms=10_000, recovered=True, limits={})
        return socket, hello


async def receive(socket: ServerConnection, kind: str) -> Frame:
    """The next frame of that type."""
    while True:
        frame: Frame = json.loads(await socket.recv())
        if frame["type"] == kind:
            return frame


async def send(socket: ServerConnection, kind: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": kind, **fields}))


async def ack(socket: ServerConnection, message: Frame, seq: int, **fields: Any) -> None:
    stored = {"message_id": seq, "conversation_id": "d1", "created_at": NOW, "duplicate": False}
    await send(socket, "ack", **{**stored, **fields}, client_id=message["client_id"], seq=seq)


@asynccontextmanager
async def running() -> AsyncIterator[Server]:
    server = Server()

    async def take(socket: ServerConnection) -> None:
        server.sockets.put_nowait(socket)
        await socket.wait_closed()

    async with serve(take, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        server.url = f"ws://127.0.0.1:{port}/ws"
        yield server
