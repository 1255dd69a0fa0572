"""Owns a proxy before a gateway that can block WebSockets, as that of many a company does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

REFUSAL = "HTTP/1.1 {} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Blocker:
    """`refused`: how many WebSockets were refused so far. HTTP always passes."""

    def __init__(self, url: str) -> None:
        self.url = ""
        self.refused = 0
        self._upstream = urlsplit(url)
        self._status: int | None = None  # while WebSockets are refused
        self._sockets: set[asyncio.StreamWriter] = set()

    def block(self, status: int = 403) -> None:
        """Refuse WebSockets from now on, and cut those that are open."""
        self._status = status
        for writer in [*self._sockets]:
            writer.transport.abort()

    def allow(self) -> None:
        self._status = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")  # a WebSocket has a connection of its own
            is_socket = b"\nupgrade: websocket" in head.lower()
            if is_socket and self._status:
                self.refused += 1
                writer.write(REFUSAL.format(self._status).encode())
            else:
                await self._pass_on(head, reader, writer, is_socket)
        writer.close()

    async def _pass_on(
        self,
        head: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        is_socket: bool,
    ) -> None:
        host, port = self._upstream.hostname, self._upstream.port
        answers, requests = await asyncio.open_connection(host, port)
        requests.write(head)
        both = {writer, requests}
        self._sockets |= both if is_socket else set()
        await asyncio.gather(_copy(reader, requests), _copy(answers, writer))
        self._sockets -= both


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def run_blocker(url: str) -> AsyncIterator[Blocker]:
    """`url`: of the gateway. Nothing is blocked at first."""
    blocker = Blocker(url)
    server = await asyncio.start_server(blocker.serve, "127.0.0.1", 0)
    blocker.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield blocker
        blocker.block()
