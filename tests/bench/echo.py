"""Owns the floor of the wire: a bare echo on the same server, and how fast it goes."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from linkup_client.wire import Socket, open_socket
from msgspec import Struct

from linkup.load.cpu import Usage

Asgi = MutableMapping[str, Any]

WARMUP = 1.0


class EchoFloor(Struct, frozen=True, kw_only=True):
    """An echo is one frame in and one out; a message is one in and two out."""

    echoes_per_second: float
    cpu_us: float
    generator_cpu_us: float


class Client:
    """Keeps `window` frames in flight on one socket."""

    def __init__(self) -> None:
        self.echoes = 0
        self._socket: Socket | None = None

    async def start(self, url: str, text: bytes, window: int) -> None:
        self._socket = await open_socket(url, self._on_text, lambda code, reason: None)
        for _ in range(window):
            self._socket.send(text)

    async def stop(self) -> None:
        if self._socket is not None:
            await self._socket.close()

    def _on_text(self, text: bytes) -> None:
        self.echoes += 1
        if self._socket is not None:
            self._socket.send(text)


async def measure(sockets: int, window: int, size: int, seconds: float) -> EchoFloor:
    text = b'"' + b"x" * (size - 2) + b'"'
    clients = [Client() for _ in range(sockets)]
    async with server() as (url, pid):
        await asyncio.gather(*(client.start(url, text, window) for client in clients))
        await asyncio.sleep(WARMUP)
        usage = Usage({"echo": pid})
        usage.start()
        before, began, own = _echoes(clients), time.monotonic(), time.process_time()
        await asyncio.sleep(seconds)
        done, elapsed = _echoes(clients) - before, time.monotonic() - began
        own, spent = time.process_time() - own, usage.seconds()["echo"]
        await asyncio.gather(*(client.stop() for client in clients))
    return EchoFloor(
        echoes_per_second=round(done / elapsed, 1),
        cpu_us=round(spent / done * 1e6, 1),
        generator_cpu_us=round(own / done * 1e6, 1),
    )


def _echoes(clients: list[Client]) -> int:
    return sum(client.echoes for client in clients)


@asynccontextmanager
async def server() -> AsyncIterator[tuple[str, int]]:
    """The echo in a process of its own: its URL and pid."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.echo", str(listener.fileno())),
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
        )
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/", process.pid
        finally:
            process.terminate()
            await process.wait()


async def app(
    scope: Asgi, receive: Callable[[], Awaitable[Asgi]], send: Callable[[Asgi], Awaitable[None]]
) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


def serve(fd: int) -> None:
    uvicorn.run(
        app,
        fd=fd,
        loop="asyncio",  # whatever the product runs on: old figures are to compare
        http="h11",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="error",
    )


if __name__ == "__main__":
    serve(int(sys.argv[1]))
