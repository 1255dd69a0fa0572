"""Twenty shout at a gateway with its default limits; ten pairs chat beside them (C10)."""

import asyncio
import math
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from shared.route import LIMITS
from shared.settings import Settings
from tests.support.flood import KINDS, dropping, shouting
from tests.support.peer import Peer, synced
from tests.support.raw import connections_of, resident_bytes
from tests.support.stack import Stack, run_stack
from tests.support.traffic import make_known
from tests.support.waiting import eventually

PAIRS = 10
SHOUTERS = 20
PAUSE = 0.2  # seconds between two messages of a pair: below the limit
ENTRY = 0.5  # seconds until those who shout are in
TRIES = 5  # a whole comparison each: who else uses the machine does so in all of its windows
GRAIN = 0.005  # seconds that no measurement here can tell apart
MEMORY = 64 * 1024 * 1024  # bytes that an allocator may keep
DEFAULTS: dict[str, Any] = {name: to_builtins(Settings())[name] for name in LIMITS.values()}
MIXED = [*KINDS, "message", "message", "typing", "ping", "ping", "garbage"][:SHOUTERS]


class Pair:
    """One writes to the other; each ack has to come, and each message to arrive."""

    def __init__(self, one: Peer, other: Peer) -> None:
        self.one, self.other = one, other
        self.waits: list[float] = []

    async def chat(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            outcome = await self.one.message(self.other.user_id, "beside a flood")
            self.waits.append(time.monotonic() - began)
            assert outcome["type"] == "ack", outcome
            await self.other.next("message", message_id=outcome["message_id"])
            await asyncio.sleep(PAUSE)


@asynccontextmanager
async def pairs(stack: Stack) -> AsyncIterator[list[Pair]]:
    await make_known(stack, ["victim"])
    async with AsyncExitStack() as opened:
        names = [(f"left-{n}", f"right-{n}") for n in range(PAIRS)]
        peers = {
            name: await opened.enter_async_context(synced(stack, name))
            for pair in names
            for name in pair
        }
        yield [Pair(peers[left], peers[right]) for left, right in names]


async def p99(everybody: list[Pair], seconds: float) -> float:
    """Return the 99th percentile of the acks, in seconds. Raise if one is refused or missing."""
    for pair in everybody:
        pair.waits = []
    async with asyncio.TaskGroup() as tasks:
        for pair in everybody:
            tasks.create_task(pair.chat(seconds))
    waits = sorted(wait for pair in everybody for wait in pair.waits)
    return waits[math.ceil(len(waits) * 0.99) - 1]


async def compared(
    stack: Stack, sink: int, kinds: list[str], rate: float, windows: int, seconds: float
) -> list[list[float]]:
    """(beside a sink, beside the flood), alternating."""
    tokens = [stack.token(f"shouter-{n}") for n in range(len(kinds))]
    found = []
    async with pairs(stack) as everybody:
        await p99(everybody, 1)  # conversations are made
        for _ in range(windows):
            found.append(
                [
                    await beside(everybody, port, kinds, tokens, rate, seconds)
                    for port in (sink, stack.port("gateway"))
                ]
            )
    return found


async def beside(
    everybody: list[Pair],
    port: int,
    kinds: list[str],
    tokens: list[str],
    rate: float,
    seconds: float,
) -> float:
    """The p99 there. Before it is measured all have come in, which is no shouting yet; that
    nobody is refused meanwhile counts from the beginning."""
    async with shouting(port, kinds, tokens, rate):
        await p99(everybody, ENTRY)
        return await p99(everybody, seconds)


def held(stack: Stack) -> int:
    return connections_of(stack.pids()["gateway"], stack.port("gateway"))


async def test_f_h2_c10_beside_twenty_who_shout_everybody_is_served(tmp_path: Path) -> None:
    """All kinds at once, shortly: each message of the others is acknowledged and arrives."""
    async with run_stack(tmp_path, **DEFAULTS) as stack, dropping() as sink:
        before = resident_bytes(stack.pids()["gateway"])
        await compared(stack, sink, MIXED, 1000, windows=1, seconds=1)
        await eventually(lambda: held(stack) == 0)
        assert resident_bytes(stack.pids()["gateway"]) < before + MEMORY
        assert "Traceback" not in stack.log.read_text()


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(300)
async def test_f_h2_c10_twenty_shout_and_nobody_else_notices(tmp_path: Path) -> None:
    """All kinds at once; what was taken for them is given back when they are gone."""
    async with run_stack(tmp_path, **DEFAULTS) as stack, dropping() as sink:
        before = resident_bytes(stack.pids()["gateway"])
        tries = []
        for _ in range(TRIES):
            found = await compared(stack, sink, MIXED, 1000, windows=3, seconds=2)
            tries.append(statistics.median((flood - GRAIN) / base for base, flood in found))
            if tries[-1] <= 2:
                break
        assert tries[-1] <= 2, tries
        await eventually(lambda: held(stack) == 0)
        assert resident_bytes(stack.pids()["gateway"]) < before + MEMORY
        assert "Traceback" not in stack.log.read_text()


@pytest.mark.prove
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
async def test_f_h2_c10_beside_each_kind_of_flood_nobody_waits_longer(
    tmp_path: Path, kind: str
) -> None:
    async with run_stack(tmp_path, **DEFAULTS) as stack, dropping() as sink:
        rate = 40_000 if kind in ("ping", "pong", "empty", "fragments") else 1000
        kinds = [kind] * SHOUTERS
        found = await compared(stack, sink, kinds, rate, windows=5, seconds=5)
        ratios = [flood / base for base, flood in found]
        assert statistics.median(ratios) <= 1.2, found
