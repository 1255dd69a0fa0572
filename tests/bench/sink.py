"""Owns a mail server that takes every letter and keeps none, in a process of its own.

It costs as little as it can: what is measured against it is to wait for itself, not for this.
NOOP answers how many letters and how many bytes it has taken.
"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from msgspec import Struct

from shared.process.loop import loop_factory
from shared.settings import Settings

END = b"\r\n.\r\n"
REPLIES = {
    b"EHLO": b"250-sink\r\n250 8BITMIME\r\n",
    b"HELO": b"250 sink\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class Taken(Struct, frozen=True):
    letters: int
    size: int  # of all of them together, in bytes


class Sink:
    """The address of the server."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def taken(self) -> Taken:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        await reader.readline()
        writer.write(b"NOOP\r\nQUIT\r\n")
        _, letters, size = (await reader.readline()).split()
        writer.close()
        return Taken(int(letters), int(size))


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.sink", str(listener.fileno())),
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
        )
        try:
            yield Sink(listener.getsockname()[1])
        finally:
            process.terminate()
            await process.wait()


class Server:
    def __init__(self) -> None:
        self.letters = self.size = 0

    def reply(self, line: bytes) -> bytes:
        if line[:4].upper() == b"NOOP":
            return b"250 %d %d\r\n" % (self.letters, self.size)
        return REPLIES.get(line[:4].upper(), b"250 OK\r\n")


class Session(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = bytearray()
        self._in_letter = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's does not inherit
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._letter() if self._in_letter else self._line():
            pass

    def _letter(self) -> bool:
        end = self._buffer.find(END)
        if end < 0:
            return False
        self._server.letters += 1
        self._server.size += end + 2
        del self._buffer[: end + len(END)]
        self._in_letter = False
        self._transport.write(b"250 OK\r\n")
        return True

    def _line(self) -> bool:
        line, found, _ = self._buffer.partition(b"\r\n")
        if not found:
            return False
        del self._buffer[: len(line) + 2]
        self._transport.write(self._server.reply(bytes(line)))
        self._in_letter = line[:4].upper() == b"DATA"
        if line[:4].upper() == b"QUIT":
            self._transport.close()
        return True


async def serve(fd: int) -> None:
    server = Server()
    listener = socket.socket(fileno=fd)
    listening = await asyncio.get_running_loop().create_server(
        lambda: Session(server), sock=listener
    )
    await listening.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory(Settings().loop)) as runner:
        runner.run(serve(int(sys.argv[1])))
