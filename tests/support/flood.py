"""Owns those who shout: sockets that send as fast as they may, from a process of their own.

`python -m tests.support.flood sink` reads all that comes and drops it; `… shout` reads a line of
JSON (Plan) from stdin, says `ready` when all are in, and shouts until stdin ends.
"""

import asyncio
import json
import selectors
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.support.processes import tied
from tests.support.raw import (
    CONTINUATION,
    KEY,
    PING,
    PONG,
    TEXT,
    frame,
    head,
    say,
    upgrade,
)

TICK = 0.02  # seconds between two loads of frames
AT_ONCE = 256 * 1024  # bytes of one socket, in a tick

Content = Callable[[int], bytes]  # of the nth frame

KINDS: dict[str, Content] = {
    "message": lambda n: say("message", to="victim", client_id=f"{n}-{time.time()}", content="x"),
    "typing": lambda n: say("typing", to=f"user-{n}", is_typing=True),
    "read": lambda n: say("read_receipt", message_id=n + 1),
    "sync": lambda n: say("sync_request", cursor=0),
    "status": lambda n: say("get_connection_status"),
    "presence": lambda n: say("presence_subscribe", user_ids=[f"user-{n}"]),
    "garbage": lambda n: frame(TEXT, b"\x7b" * 40),
    "empty": lambda n: frame(TEXT),
    "large": lambda n: frame(TEXT, b'"' + b"x" * 60_000 + b'"'),
    "ping": lambda n: frame(PING, b"x"),
    "pong": lambda n: frame(PONG, b"x"),
    "fragments": lambda n: frame(TEXT if n % 200 == 0 else CONTINUATION, fin=n % 200 == 199),
    "http": lambda n: head("GET /v1/unread HTTP/1.1", "authorization: Bearer none"),
    "post": lambda n: head("POST /v1/messages HTTP/1.1", "content-length: 2") + b"{}",
}
HTTP = {"http", "post"}


class Shouter:
    """One socket, and what it still has to send. A socket that is not read sends less."""

    def __init__(self, port: int, kind: str, token: str) -> None:
        self.content = KINDS[kind]
        self.sent = 0
        self._rest = b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        if kind not in HTTP:
            self.socket.sendall(upgrade())
            self.socket.recv(1024)
            self.socket.sendall(say("hello", token=token))
        self.socket.setblocking(False)

    def shout(self, count: int) -> None:
        if not self._rest:
            frames = b"".join(self.content(self.sent + n) for n in range(count))
            self._rest = frames[:AT_ONCE]
            self.sent += count
        with suppress(BlockingIOError):
            self._rest = self._rest[self.socket.send(self._rest) :]

    def listen(self) -> None:
        with suppress(BlockingIOError):
            while self.socket.recv(65536):
                pass


def shout(plan: dict[str, Any]) -> None:
    """`plan`: port, kinds and tokens of the sockets, frames a second of each."""
    shouters = [
        Shouter(plan["port"], kind, token)
        for kind, token in zip(plan["kinds"], plan["tokens"], strict=True)
    ]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    with selectors.DefaultSelector() as until:
        until.register(sys.stdin, selectors.EVENT_READ)
        owed = 0.0
        while not until.select(TICK):
            owed += plan["rate"] * TICK
            for one in list(shouters):
                try:
                    one.shout(int(owed))
                    one.listen()
                except OSError:  # it was closed: that is one less
                    shouters.remove(one)
            owed -= int(owed)


def sink() -> None:
    """Answers upgrades, and drops the rest."""
    with socket.create_server(("127.0.0.1", 0)) as listener, selectors.DefaultSelector() as ready:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                one = key.fileobj
                assert isinstance(one, socket.socket)
                if one is listener:
                    ready.register(listener.accept()[0], selectors.EVENT_READ)
                    continue
                content = one.recv(65536)
                if KEY.encode() in content:
                    one.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
                elif not content:
                    ready.unregister(one)
                    one.close()


@asynccontextmanager
async def _running(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.flood", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=tied(),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def dropping() -> AsyncIterator[int]:
    """The port of a sink."""
    async with _running("sink") as process:
        assert process.stdout is not None
        yield int(await process.stdout.readline())


@asynccontextmanager
async def shouting(
    port: int, kinds: Sequence[str], tokens: Sequence[str], rate: float = 1000
) -> AsyncIterator[None]:
    """Sockets that shout while the block runs, `rate` frames a second each."""
    plan = {"port": port, "kinds": kinds, "tokens": tokens, "rate": rate}
    async with _running("shout") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(plan).encode() + b"\n")
        assert await process.stdout.readline() == b"ready\n"
        yield


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        sink()
    else:
        with open(0, "rb", buffering=0, closefd=False) as plan:  # nothing is read ahead of it
            shout(json.loads(plan.readline()))
