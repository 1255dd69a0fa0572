"""Owns a crowd that comes in one instant: plain sockets of one process, each of which tries once.

`python -m tests.support.storm` takes a Crowd as JSON on stdin and prints an Outcome. It does as
little as can be, so that the time it takes is the server's.
"""

import asyncio
import json
import os
import resource
import selectors
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence

import msgspec
from msgspec import Struct, structs

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
CLOSE, PING = 0x8, 0x9
SPARE_FILES = 64


class Crowd(Struct):
    """`hellos`: the first frame of each. `until`: the type of the frame with which one is in.
    `stay`: seconds for which all stay once the last one is in; then they leave together.
    """

    host: str
    port: int
    hellos: list[str]
    path: str = "/ws"
    until: str = '"sync_completed"'
    seconds: float = 60.0
    stay: float = 0.0


class Outcome(Struct):
    """`came`: seconds from the instant to when each was in. `refused`: by code, or the reason.
    `began`, `ended`: the instant and when the last one was in, by the machine's monotonic clock.
    """

    came: list[float]
    refused: dict[str, int]
    messages: list[int]
    cpu: float
    began: float = 0.0
    ended: float = 0.0


async def storm(crowd: Crowd) -> Outcome:
    """In a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.storm"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    answer, _ = await process.communicate(msgspec.json.encode(crowd))
    return msgspec.json.decode(answer, type=Outcome)


class Guest:
    """One socket: the upgrade, its hello, then whatever comes until it is in or refused."""

    __slots__ = (
        "_buffer",
        "_error",
        "_hello",
        "_upgraded",
        "came",
        "messages",
        "refused",
        "socket",
    )

    def __init__(self, crowd: Crowd, hello: str) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex((crowd.host, crowd.port))
        self._hello = masked(hello.encode())
        self._buffer = b""
        self._upgraded = False
        self._error = ""
        self.came = 0.0
        self.messages = 0
        self.refused = ""

    def read(self, until: bytes) -> bool:
        """Read from the socket, and return whether it has come to an end."""
        try:
            read = self.socket.recv(1 << 18)
        except OSError as error:
            return self._out(type(error).__name__)
        if not read:
            return self._out("lost")
        self._buffer += read
        if not self._upgraded and not self._upgrade():
            return bool(self.refused)
        return self._frames(until)

    def _upgrade(self) -> bool:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if found and b" 101 " not in head.partition(b"\r\n")[0]:
            self._out(head[9:12].decode())
        elif found:
            self._buffer, self._upgraded = rest, True
            self.socket.send(self._hello)
        return self._upgraded

    def _frames(self, until: bytes) -> bool:
        while len(self._buffer) >= 2:
            size, start = self._buffer[1], 2
            if size == 126 and len(self._buffer) >= 4:
                [size], start = struct.unpack("!H", self._buffer[2:4]), 4
            end = start + size
            if len(self._buffer) < end:
                return False
            body, opcode = self._buffer[start:end], self._buffer[0] & 15
            self._buffer = self._buffer[end:]
            if opcode == PING:
                self.socket.send(bytes([0x8A, 0x80 | len(body)]) + bytes(4) + body)
            if opcode == CLOSE:
                return self._out(f"{int.from_bytes(body[:2])} {self._error}".strip())
            if body.startswith(b'{"type":"error"'):
                self._error = str(json.loads(body)["message"])
            self.messages += b'"type":"message"' in body
            if until in body:
                return True
        return False

    def _out(self, reason: str) -> bool:
        self.refused = reason
        return True


def masked(text: bytes) -> bytes:
    """A text frame of a client; a key of zeros leaves the text as it is (RFC 6455, 5.3)."""
    size = struct.pack("!BB", 0x81, 0x80 | len(text)) if len(text) < 126 else b""
    return (size or struct.pack("!BBH", 0x81, 0x80 | 126, len(text))) + bytes(4) + text


def come(crowd: Crowd) -> Outcome:
    """All at once; until each is in or refused, or the time is over. Who is in stays."""
    _allow_files(len(crowd.hellos) + SPARE_FILES)
    upgrade = UPGRADE.format(path=crowd.path, host=crowd.host, port=crowd.port).encode()
    began = time.monotonic()
    with selectors.DefaultSelector() as selector:
        guests = [Guest(crowd, hello) for hello in crowd.hellos]
        for guest in guests:
            selector.register(guest.socket, selectors.EVENT_WRITE, guest)
        left = len(guests)
        while left and time.monotonic() < began + crowd.seconds:
            for key, mask in selector.select(1.0):
                guest = key.data
                if mask & selectors.EVENT_WRITE:
                    guest.socket.send(upgrade)
                    selector.modify(guest.socket, selectors.EVENT_READ, guest)
                elif guest.read(crowd.until.encode()):
                    guest.came = time.monotonic() - began
                    selector.unregister(guest.socket)
                    left -= 1
        ended = time.monotonic()
        time.sleep(crowd.stay)
    return structs.replace(_outcome(guests), began=began, ended=ended)


def _outcome(guests: Sequence[Guest]) -> Outcome:
    inside = [guest for guest in guests if guest.came and not guest.refused]
    late = sum(not guest.came for guest in guests)
    refused = Counter(guest.refused for guest in guests if guest.refused)
    return Outcome(
        came=sorted(guest.came for guest in inside),
        refused=dict(refused | (Counter(late=late) if late else Counter())),
        messages=[guest.messages for guest in inside],
        cpu=time.process_time(),
    )


def _allow_files(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))


if __name__ == "__main__":
    outcome = come(msgspec.json.decode(sys.stdin.buffer.read(), type=Crowd))
    os.write(1, json.dumps(msgspec.to_builtins(outcome)).encode())
