"""Owns a server that says what the test tells it to, over a real WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from linkup_client import Timing
from websockets.asyncio.server import ServerConnection, serve

from tests.support.waiting import within

# A hundredth of what they are in life.
FAST = Timing(
    shortest=0.005,
    next_second=0.01,
    first=0.02,
    longest=0.15,
    ack_timeout=60,
    marks_every=0.01,
)
NOW = "2026-11-21T09:30:00.000000Z"

Frame = dict[str, Any]


class Peer:
    """The server's end of one connection."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    async def recv(self, kind: str | None = None) -> Frame:
        """The next frame, or the next of that type."""
        async with within(5):
            while True:
                frame: Frame = json.loads(await self._socket.recv())
                if kind in (None, frame["type"]):
                    return frame

    async def send(self, kind: str, **fields: Any) -> None:
        await self.say(json.dumps({**fields, "type": kind}))

    async def say(self, text: str | list[str]) -> None:
        """Whatever it is; a list goes out in fragments."""
        await self._socket.send(text)

    async def welcome(self, *, heartbeat_ms: int = 10_000, **fields: Any) -> Frame:
        """Read `hello` and answer it; the hello."""
        hello = await self.recv("hello")
        standard = {"user_id": "ann", "connection_id": "c1", "epoch": "e1", "cursor": 0}
        welcome = {**standard, "recovered": True, "limits": {}, **fields}
        await self.send("welcome", heartbeat_ms=heartbeat_ms, **welcome)
        return hello

    async def ack(self, sent: Frame, seq: int, **fields: Any) -> None:
        standard = {"message_id": seq, "conversation_id": "d1", "created_at": NOW}
        answer = {**standard, "duplicate": False, **fields}
        await self.send("ack", client_id=sent["client_id"], seq=seq, **answer)

    async def refuse(self, sent: Frame, code: str, *, temporary: bool, **fields: Any) -> None:
        named = {"client_id": sent["client_id"], "code": code, "temporary": temporary}
        await self.send("error", message="no", **named, **fields)

    async def message(self, cursor: int, **fields: Any) -> None:
        standard = {
            "message_id": cursor,
            "conversation_id": "d1",
            "seq": cursor,
            "version": 1,
            "sender_id": "bob",
            "client_id": f"b{cursor}",
            "content": f"text {cursor}",
            "created_at": NOW,
            "updated_at": NOW,
        }
        await self.send("message", cursor=cursor, **{**standard, **fields})

    async def close(self, code: int) -> None:
        await self._socket.close(code)

    def drop(self) -> None:
        """Break the connection off without a close frame."""
        self._socket.transport.abort()


class Script:
    def __init__(self) -> None:
        self.url = ""
        self.visits = 0
        self.refuse_with: list[int] = []  # HTTP statuses for the next handshakes
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()

    async def peer(self) -> Peer:
        """The next client that connects."""
        async with within(5):
            return await self._peers.get()

    async def come_in(self, **welcome: Any) -> Peer:
        peer = await self.peer()
        await peer.welcome(**welcome)
        return peer

    async def serve(self, socket: ServerConnection) -> None:
        self.visits += 1
        self._peers.put_nowait(Peer(socket))
        await socket.wait_closed()


@asynccontextmanager
async def scripted() -> AsyncIterator[Script]:
    script = Script()

    def gate(socket: ServerConnection, request: Any) -> Any:
        if script.refuse_with:
            return socket.respond(script.refuse_with.pop(0), "no")
        return None

    server = await serve(
        script.serve, "127.0.0.1", 0, process_request=gate, ping_interval=None, close_timeout=1
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        script.url = f"ws://127.0.0.1:{port}/ws"
        yield script
