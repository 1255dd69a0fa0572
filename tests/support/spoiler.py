"""Owns a proxy in front of a sound server that spoils one thing at a time, for tests of tests."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support import web

Frame = dict[str, Any]

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
PASSED_ON = ("authorization", "content-type")
MAX_SIZE = 128 * 1024
NOT_SENDABLE = (1005, 1006)


@dataclass(frozen=True)
class Call:
    """One HTTP call and the answer the sound server gave to it."""

    method: str
    path: str
    status: int
    headers: dict[str, str]
    body: Any

    def but(self, **changes: Any) -> "Call":
        return replace(self, **changes)


class Fault:
    """Spoils nothing. One instance a socket, and one for all HTTP calls."""

    def down(self, frame: Frame) -> list[Frame]:
        """Return the frames that the client receives in place of a frame of the server."""
        return [frame]

    def up(self, frame: Frame) -> list[Frame]:
        """Return the frames that the server receives in place of a frame of the client."""
        return [frame]

    def offer(self, headers: dict[str, str], subprotocols: list[str]) -> list[str]:
        """The subprotocols offered to the server; `headers` may be changed."""
        return subprotocols

    def close(self, code: int) -> int:
        return code

    def answer(self, call: Call) -> Call:
        return call


class Proxy:
    def __init__(
        self, upstream: str, own: str, kind: type[Fault], http: httpx2.AsyncClient
    ) -> None:
        self._upstream, self._own, self._kind, self._http = upstream, own, kind, http
        self._calls = kind()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                WebSocketRoute("/{path:path}", self.socket),
                Route("/{path:path}", self.call, methods=METHODS),
            ]
        )

    async def call(self, request: Request) -> Response:
        headers = {k: v for k, v in request.headers.items() if k in PASSED_ON}
        url = f"{self._upstream}{request.url.path}?{request.url.query}"
        reply = await self._http.request(
            request.method, url, headers=headers, content=await request.body()
        )
        is_json = "json" in reply.headers.get("content-type", "")
        body = json.loads(reply.content) if is_json and reply.content else None
        kept = {k: v for k, v in reply.headers.items() if k not in ("content-length", "date")}
        call = Call(request.method, request.url.path, reply.status_code, kept, body)
        spoiled = self._calls.answer(call)
        content = reply.content if spoiled.body is None else json.dumps(spoiled.body).encode()
        return Response(content, spoiled.status, spoiled.headers)

    async def socket(self, client: WebSocket) -> None:
        fault = self._kind()
        headers = {k: v for k, v in client.headers.items() if k in ("authorization", "origin")}
        if headers.get("origin") == self._own:
            headers["origin"] = self._upstream
        offered = fault.offer(headers, list(client.scope["subprotocols"]))
        url = f"{self._upstream.replace('http', 'ws', 1)}{client.url.path}?{client.url.query}"
        try:
            server = await connect(
                url,
                subprotocols=offered or None,  # type: ignore[arg-type]
                additional_headers=headers,
                max_size=None,
                max_queue=None,
                compression=None,
                ping_interval=None,
            )
        except InvalidStatus:
            await client.close()
            return
        await client.accept(server.subprotocol)
        upwards = asyncio.create_task(_up(client, server, fault))
        try:
            await _down(client, server, fault)
        finally:
            upwards.cancel()
            await server.close()


async def _down(client: WebSocket, server: ClientConnection, fault: Fault) -> None:
    try:
        async for text in server:
            frame = json.loads(text)
            for spoiled in fault.down(dict(frame)):
                same = spoiled == frame and isinstance(text, str)
                await client.send_text(str(text) if same else json.dumps(spoiled))
    except ConnectionClosed:
        pass
    except RuntimeError:
        return  # the client has gone
    code = server.close_code or 1006
    if code not in NOT_SENDABLE:
        try:
            await client.close(fault.close(code))
        except RuntimeError:
            return  # it went at the same time


async def _up(client: WebSocket, server: ClientConnection, fault: Fault) -> None:
    while True:
        message = await client.receive()
        if message["type"] == "websocket.disconnect":
            await server.close()
            return
        raw = message["text"] if message.get("text") is not None else message["bytes"]
        try:
            for sent in _spoiled(raw, fault):
                await server.send(sent)
        except ConnectionClosed:
            return


def _spoiled(raw: str | bytes, fault: Fault) -> list[str | bytes]:
    try:
        frame = json.loads(raw)
    except (ValueError, RecursionError):
        return [raw]
    if isinstance(raw, bytes) or not isinstance(frame, dict):
        return [raw]
    frames = fault.up(dict(frame))
    return [raw] if frames == [frame] else [json.dumps(one) for one in frames]


@asynccontextmanager
async def spoiled(url: str, kind: type[Fault]) -> AsyncIterator[str]:
    """The address of a proxy in front of `url` that commits that fault."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        own = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with web.client(timeout=30) as http:
            config = uvicorn.Config(
                Proxy(url, own, kind, http).app(),
                log_level="critical",
                lifespan="off",
                ws="websockets-sansio",
                ws_max_size=MAX_SIZE,
                ws_ping_interval=None,
                timeout_graceful_shutdown=1,
            )
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                yield own
            finally:
                server.should_exit = True
                await serving
