"""More connections than there are descriptors: who is inside notices nothing (C10)."""

import asyncio
import resource
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.health.counters import EVERY
from tests.support import web
from tests.support.peer import Peer, synced
from tests.support.raw import connections_of, tcp, upgrade
from tests.support.stack import Stack, run_stack
from tests.support.traffic import make_known
from tests.support.waiting import TIMEOUT_FACTOR, eventually

CROWD = 300
FILES = 256
SLOWEST = 1.0 * TIMEOUT_FACTOR  # seconds for most acks; the silent ones stay for 60


@asynccontextmanager
async def silent(stack: Stack, sent: bytes) -> AsyncIterator[None]:
    """So many connections that send this and then nothing, opened as fast as they can be."""
    with ExitStack() as kept:

        def crowd() -> None:
            for _ in range(CROWD):
                one = kept.enter_context(tcp(stack.url))
                try:
                    one.sendall(sent)
                except OSError:  # it is cut off already
                    continue

        await asyncio.to_thread(crowd)
        yield


async def notices_nothing(stack: Stack, alice: Peer, bob: Peer) -> None:
    taken = []
    for number in range(20):
        began = time.monotonic()
        assert (await alice.message("bob", f"still {number}"))["type"] == "ack"
        await bob.next("message", content=f"still {number}")
        taken.append(time.monotonic() - began)
    assert statistics.median(taken) < SLOWEST, taken
    async with web.client(timeout=5 * TIMEOUT_FACTOR) as client:
        assert (await client.get(f"{stack.url}/health")).status_code == 200
    async with synced(stack, "carol") as carol:  # there is a place for who comes
        await carol.settled()


def lines_about(stack: Stack, bound: str, after: int = 0) -> int:
    """`after`: so many bytes of the log."""
    return stack.log.read_bytes()[after:].count(f'"bound":"{bound}"'.encode())


async def test_f_h1_silent_connections_take_nothing_from_who_is_inside(tmp_path: Path) -> None:
    """The silent connections send nothing at all, half a request, or everything but `hello`."""
    async with run_stack(
        tmp_path, most_files=FILES, sockets_per_address=0, message_rate=0, header_timeout=60
    ) as stack:
        await make_known(stack, ["carol"])
        began = time.monotonic()
        async with synced(stack, "alice") as alice, synced(stack, "bob") as bob:
            for sent in (b"", b"GET /", upgrade()):
                async with silent(stack, sent):
                    await notices_nothing(stack, alice, bob)
                    assert held(stack) < FILES
                await eventually(lambda: held(stack) == 2)  # nothing is kept
        minutes = (time.monotonic() - began) / EVERY
        assert 1 <= lines_about(stack, "connections") <= 1 + minutes
        assert "Traceback" not in stack.log.read_text()


def held(stack: Stack) -> int:
    return connections_of(stack.pids()["gateway"], stack.port("gateway"))


async def test_f_h1_an_address_has_its_share(tmp_path: Path) -> None:
    async with run_stack(tmp_path, sockets_per_address=5) as stack, silent(stack, b""):
        async with web.client(timeout=60) as client:  # of the same address, but it asks
            assert (await client.get(f"{stack.url}/livez")).status_code == 200
        assert lines_about(stack, "connections_per_address") == 1
        await eventually(lambda: held(stack) <= 4 * 5)  # all others had been accepted before


@pytest.mark.asyncio(loop_scope="session")
async def test_f_h1_without_descriptors_it_waits_and_says_so_once(stack: Stack) -> None:
    """The limit is lowered under a gateway that counts on more."""
    gateway = stack.pids()["gateway"]
    before, said = resource.prlimit(gateway, resource.RLIMIT_NOFILE), stack.log.stat().st_size
    began = time.monotonic()
    async with synced(stack, "alice") as alice, synced(stack, "bob") as bob:
        resource.prlimit(gateway, resource.RLIMIT_NOFILE, (FILES, before[1]))
        try:
            async with silent(stack, b""):
                await eventually(lambda: lines_about(stack, "descriptors", said) > 0)
                assert (await alice.message("bob", "still"))["type"] == "ack"
                await bob.next("message", content="still")
            await eventually(lambda: held(stack) == 2)
            async with synced(stack, "alice"):
                pass
        finally:
            resource.prlimit(gateway, resource.RLIMIT_NOFILE, before)
    minutes = (time.monotonic() - began) / EVERY
    assert lines_about(stack, "descriptors", said) <= 1 + minutes
    assert "Traceback" not in stack.log.read_bytes()[said:].decode()


async def test_f_h1_how_many_is_a_setting(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"sockets_per_address": 0, "connections": 40, "header_timeout": 60}
    async with run_stack(tmp_path, **settings) as stack, silent(stack, b""):
        await eventually(lambda: lines_about(stack, "connections") == 1)
        await eventually(lambda: held(stack) <= 40)
