"""Owns a raw client for tests: what it sends is what you wrote, what it kept is what came."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect

from tests.support import web
from tests.support.stack import HOST_KEY, Stack
from tests.support.waiting import within

Frame = dict[str, Any]

WAIT = 20.0  # seconds: more than a turn of what a gateway compares every ten


class Peer:
    """One socket of one user. `frames` holds everything received, in order."""

    def __init__(self, socket: ClientConnection, user_id: str) -> None:
        self.socket = socket
        self.user_id = user_id
        self.frames: list[Frame] = []
        self._name = secrets.token_hex(4)  # of this socket, for ids of its own
        self._taken = 0
        self._count = 0

    async def send(self, kind: str, **fields: Any) -> None:
        await self.send_text(json.dumps({"type": kind, **fields}))

    async def send_text(self, text: str | bytes) -> None:
        await self.socket.send(text)

    async def next(self, kind: str | None = None, **fields: Any) -> Frame:
        """The next frame of that type and with those fields; others are passed over."""
        async with within(WAIT):
            while True:
                while self._taken < len(self.frames):
                    frame = self.frames[self._taken]
                    self._taken += 1
                    if kind in (None, frame["type"]) and fields.items() <= frame.items():
                        return frame
                self.frames.append(json.loads(await self.socket.recv()))

    async def message(self, to: str, content: str, client_id: str = "", **fields: Any) -> Frame:
        """Send, and wait for its outcome: an `ack` or an `error`."""
        self._count += 1
        client_id = client_id or f"{self._name}-{self._count}"
        await self.send("message", to=to, content=content, client_id=client_id, **fields)
        return await self.outcome(client_id)

    async def outcome(self, client_id: str) -> Frame:
        while True:
            frame = await self.next(client_id=client_id)
            if frame["type"] in ("ack", "error"):
                return frame

    async def settled(self) -> None:
        """All the server had for us is here: a `pong` comes behind what was queued."""
        self._count += 1
        stamp = f"settled-{self._count}"
        await self.send("ping", timestamp=stamp)
        await self.next("pong", timestamp=stamp)

    async def closed(self) -> int:
        """Wait for the end; its close code."""
        async with within(WAIT):
            await self.socket.wait_closed()
        return self.socket.close_code or 0


@asynccontextmanager
async def peer(stack: Stack, user_id: str, **hello: Any) -> AsyncIterator[Peer]:
    """Connected, welcomed and synced; `hello` may carry epoch and cursor."""
    async with connect(stack.ws_url, max_queue=None, open_timeout=30) as socket:
        one = Peer(socket, user_id)
        await one.send("hello", **{"token": stack.token(user_id), **hello})
        await one.next("welcome")
        yield one


@asynccontextmanager
async def synced(stack: Stack, user_id: str, **hello: Any) -> AsyncIterator[Peer]:
    """As `peer`, after everything missed has come."""
    async with peer(stack, user_id, **hello) as one:
        await one.next("sync_completed")
        yield one


class Http:
    """The HTTP API as one user."""

    def __init__(self, client: httpx2.AsyncClient, token: str) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {token}"}

    async def get(self, path: str, **parameters: Any) -> httpx2.Response:
        return await self._client.get(path, params=parameters, headers=self._headers)

    async def post(self, path: str, body: Any) -> httpx2.Response:
        return await self._client.post(path, json=body, headers=self._headers)

    async def request(
        self, method: str, path: str, body: Any = None, **parameters: Any
    ) -> httpx2.Response:
        return await self._client.request(
            method, path, json=body, params=parameters or None, headers=self._headers
        )

    async def patch(self, path: str, body: Any) -> httpx2.Response:
        return await self._client.patch(path, json=body, headers=self._headers)

    async def upload(self, name: str, content: bytes) -> str:
        """The new attachment's id."""
        response = await self._client.post(
            "/v1/attachments", params={"name": name}, content=content, headers=self._headers
        )
        return str(response.raise_for_status().json()["attachment_id"])

    async def history(self, conversation_id: str) -> list[Frame]:
        """Every message, oldest first, page by page."""
        messages: list[Frame] = []
        before: dict[str, int] = {}
        while True:
            path = f"/v1/conversations/{conversation_id}/messages"
            page = (await self.get(path, limit=100, **before)).raise_for_status().json()
            messages = page["messages"] + messages
            if not page["has_more"]:
                return messages
            before = {"before_id": messages[0]["message_id"]}


@asynccontextmanager
async def http(stack: Stack, user_id: str) -> AsyncIterator[Http]:
    async with web.client(base_url=stack.url, timeout=60) as client:
        yield Http(client, stack.token(user_id))


@asynccontextmanager
async def with_key(stack: Stack, key: str = HOST_KEY) -> AsyncIterator[Http]:
    async with web.client(base_url=stack.url, timeout=60) as client:
        yield Http(client, key)


async def gather(*steps: Any) -> list[Any]:
    """All at once; the first failure ends the others."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(step) for step in steps]
    return [task.result() for task in running]


async def closed(ws: ClientConnection) -> int:
    """The code with which it ends, soon."""
    async with within(WAIT):
        await ws.wait_closed()
    return ws.close_code or 0
