"""Owns the crowd's way to a running product: real sockets and requests, to any of its gateways."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.support.poller import Lost
from tests.support.stack import Stack

Frame = dict[str, Any]
OPEN_TIMEOUT = 10.0


class LiveWire:
    """One socket, from the moment it is asked for: what is said before it is open waits."""

    def __init__(
        self, stack: Stack, user_id: str, hello: Frame, on_text: Callable[[bytes | str], None]
    ) -> None:
        self.open = True
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self.say(json.dumps({"type": "hello", "token": stack.token(user_id), **hello}))
        self.task = asyncio.create_task(self._run(stack, on_text))

    def say(self, text: str) -> None:
        self._outgoing.put_nowait(text)

    def abort(self) -> None:
        self.open = False
        self.task.cancel()

    async def _run(self, stack: Stack, on_text: Callable[[bytes | str], None]) -> None:
        try:
            options: Any = {"max_queue": None, "open_timeout": OPEN_TIMEOUT, "close_timeout": 1}
            async with connect(stack.ws_url, **options) as socket:
                saying = asyncio.create_task(self._say_all(socket))
                try:
                    async for text in socket:
                        on_text(text)
                finally:
                    saying.cancel()
        except (WebSocketException, OSError, TimeoutError):
            pass  # the gateway is away, or went
        finally:
            self.open = False

    async def _say_all(self, socket: ClientConnection) -> None:
        while True:
            await socket.send(await self._outgoing.get())


class Live:
    """A running stack, as the crowd sees it."""

    def __init__(self, stack: Stack, client: httpx2.AsyncClient) -> None:
        self.stack = stack
        self._client = client
        self._wires: list[LiveWire] = []

    def dial(self, user_id: str, hello: Frame, on_text: Callable[[bytes | str], None]) -> LiveWire:
        wire = LiveWire(self.stack, user_id, hello, on_text)
        self._wires.append(wire)
        return wire

    async def call(
        self, user_id: str, method: str, path: str, body: Frame | None
    ) -> tuple[int, Frame]:
        headers = {"authorization": f"Bearer {self.stack.token(user_id)}"}
        try:
            answer = await self._client.request(method, path, json=body, headers=headers)
        except httpx2.TransportError as error:
            raise Lost from error
        return answer.status_code, answer.json() if answer.content else {}

    async def hang_up(self) -> None:
        for wire in self._wires:
            wire.abort()
        await asyncio.gather(*(wire.task for wire in self._wires), return_exceptions=True)
