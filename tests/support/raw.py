"""Owns raw TCP clients for tests: every byte is the test's own, and nothing is read unasked."""

import base64
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.processes import open_files
from tests.support.waiting import TIMEOUT_FACTOR

WAIT = 20.0 * TIMEOUT_FACTOR
KEY = base64.b64encode(bytes(16)).decode()
UPGRADE = (
    "connection: upgrade",
    "upgrade: websocket",
    f"sec-websocket-key: {KEY}",
    "sec-websocket-version: 13",
)
LISTEN = "0A"
# Sockets that were looked up, with the port of those that are connections. A name is never reused.
SEEN: dict[str, int | None] = {}
TEXT, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x0, 0x8, 0x9, 0xA


@contextmanager
def tcp(url: str, buffer: int | None = None) -> Iterator[socket.socket]:
    """A connection to `http://host:port`; `buffer`: bytes that the kernel takes in for us."""
    host, _, port = url.removeprefix("http://").partition(":")
    one = socket.socket()
    if buffer is not None:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    one.settimeout(WAIT)
    with one:
        one.connect((host, int(port)))
        yield one


def head(line: str = "GET /livez HTTP/1.1", *fields: str) -> bytes:
    return "\r\n".join([line, "host: 127.0.0.1", *fields, "", ""]).encode("latin-1")


def upgrade(*fields: str) -> bytes:
    return head("GET /ws HTTP/1.1", *UPGRADE, *fields)


def everything(one: socket.socket) -> bytes:
    """Read until the other side closes. Raises TimeoutError when it does not."""
    got = bytearray()
    with suppress(ConnectionResetError):
        while data := one.recv(65536):
            got += data
    return bytes(got)


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def frame(opcode: int, content: bytes = b"", fin: bool = True, mask: bytes = bytes(4)) -> bytes:
    """As a client sends it; with a mask of zeros unless it is to be another."""
    size = len(content)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    masks = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(content) ^ int.from_bytes(masks)).to_bytes(size)
    return bytes([opcode | (0x80 if fin else 0)]) + length + mask + masked


def say(kind: str, **fields: object) -> bytes:
    return frame(TEXT, json.dumps({"type": kind, **fields}).encode())


@contextmanager
def websocket(url: str, token: str, buffer: int | None = None) -> Iterator[socket.socket]:
    """Upgraded, and hello said; what is answered to it is not read."""
    with tcp(url, buffer) as one:
        one.sendall(upgrade())
        assert b" 101 " in one.recv(1024)
        one.sendall(say("hello", token=token))
        yield one


def connections_of(pid: int, port: int) -> int:
    """Descriptors that the process holds of connections to its port, whatever their state: also of
    one that has ended, which the system no longer lists."""
    ours = [one for one in open_files(pid) if one.startswith("socket:")]
    if not SEEN.keys() >= {*ours}:
        SEEN.update(dict.fromkeys(ours) | _ports() | SEEN)
    return sum(SEEN[one] == port for one in ours)


def _ports() -> dict[str, int]:
    """The local port of each connection of this machine, by the name of its socket in /proc. The
    list is long, and the system takes long to write it."""
    with open("/proc/net/tcp") as file:
        rows = [line.split() for line in file][1:]
    return {
        f"socket:[{row[9]}]": int(row[1].rpartition(":")[2], 16) for row in rows if row[3] != LISTEN
    }


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
