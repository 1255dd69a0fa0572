"""Owns the floor of a quiet server: the bare echo asked seldom, and what a socket costs it."""

import asyncio
import time
from array import array
from contextlib import suppress

from linkup_client.wire import Socket, open_socket
from msgspec import Struct

from linkup.load import pacer
from linkup.load.cpu import Usage
from linkup.load.measured import Latency, latency
from tests.bench import echo, priority
from tests.bench.memory import memory_kb

FIRST, SOCKETS = 100, 500  # the first ones fill what a process keeps anyway
WARMUP = 1.0


class CalmFloor(Struct, frozen=True, kw_only=True):
    """A frame in and the same one out, at a fixed rate; an idle socket; its coming."""

    rate: float
    cpu_us: float
    wakes: float
    latency: Latency
    socket_kb: float
    connect_cpu_ms: float


class Asker:
    """One socket, and how long each answer took."""

    def __init__(self, taken: "array[float]") -> None:
        self._taken = taken
        self._sent = 0.0
        self._socket: Socket | None = None

    async def start(self, url: str) -> None:
        self._socket = await open_socket(url, self._on_text, lambda code, reason: None)

    def ask(self, text: bytes, due: float) -> None:
        assert self._socket is not None
        self._sent = due
        self._socket.send(text)

    async def stop(self) -> None:
        if self._socket is not None:
            await self._socket.close()

    def _on_text(self, text: bytes) -> None:
        self._taken.append(time.monotonic() - self._sent)


async def measure(rate: float, size: int, seconds: float) -> CalmFloor:
    taken: array[float] = array("d")
    askers = [Asker(taken) for _ in range(FIRST + SOCKETS)]
    async with echo.server() as (url, pid):
        priority.prefer([pid])
        await _start(askers[:FIRST], url)
        usage, before = Usage({"echo": pid}), memory_kb(pid)
        usage.start()
        await _start(askers[FIRST:], url)
        connecting, memory = usage.seconds()["echo"], memory_kb(pid) - before
        await _ask(askers[:FIRST], rate, size, WARMUP)
        del taken[:]
        usage.start()
        await _ask(askers[:FIRST], rate, size, seconds)
        spent, woken = usage.seconds()["echo"], usage.wakes()["echo"]
        await asyncio.gather(*(asker.stop() for asker in askers))
    return CalmFloor(
        rate=rate,
        cpu_us=round(spent / len(taken) * 1e6, 1),
        wakes=round(woken / len(taken), 2),
        latency=latency(taken),
        socket_kb=round(memory / SOCKETS, 1),
        connect_cpu_ms=round(connecting / SOCKETS * 1e3, 3),
    )


async def _start(askers: list[Asker], url: str) -> None:
    turn = asyncio.Semaphore(32)

    async def one(asker: Asker) -> None:
        async with turn:
            await asker.start(url)

    await asyncio.gather(*(one(asker) for asker in askers))


async def _ask(askers: list[Asker], rate: float, size: int, seconds: float) -> None:
    """In turns, each when it is due."""
    text, turn = b'"' + b"x" * (size - 2) + b'"', 0
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for due in pacer.ticks(rate):
                askers[turn % len(askers)].ask(text, due)
                turn += 1
