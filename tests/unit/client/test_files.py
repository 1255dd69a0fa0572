"""An upload that is cancelled, at the two moments at which the thread does not look."""

import asyncio
import http.client
import io
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from linkup_client.files import Files

from tests.support.waiting import eventually

PIECE = bytes(65_536)


class Server:
    """Takes in what comes, and never answers."""

    def __init__(self) -> None:
        self.connections = 0
        self.received = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while piece := await reader.read(len(PIECE)):
            self.received += len(piece)
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Server, Files]]:
    server = Server()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        yield server, Files(f"ws://127.0.0.1:{port}/ws", "a token")


class Held(io.RawIOBase):
    """A file whose second piece has to be waited for."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self._pieces = [PIECE] * 9

    def read(self, size: int = -1) -> bytes:
        if len(self._pieces) < 9:
            self.asked.set()
            self.go_on.wait()
        return self._pieces.pop() if self._pieces else b""


async def cancelled(files: Files, file: Held, when: Callable[[], bool]) -> None:
    """Up to the end of its thread."""
    uploading = asyncio.create_task(files.upload(cast(io.BytesIO, file), "a"))
    await eventually(when)
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading
    file.go_on.set()
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_an_upload_cancelled_between_two_pieces_connects_no_second_time() -> None:
    async with listening() as (server, files):
        file = Held()
        await cancelled(files, file, file.asked.is_set)
        await eventually(lambda: server.received > 0)
        assert server.connections == 1


async def test_an_upload_cancelled_before_it_is_connected_sends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, connecting = Held(), threading.Event()
    connect = http.client.HTTPConnection.connect

    def slow(connection: http.client.HTTPConnection) -> None:
        connecting.set()
        file.go_on.wait()
        connect(connection)

    monkeypatch.setattr(http.client.HTTPConnection, "connect", slow)
    async with listening() as (server, files):
        await cancelled(files, file, connecting.is_set)
        await eventually(lambda: server.connections == 1)
        assert server.received == 0
