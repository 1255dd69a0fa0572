"""Sockets: who gets one, how long it stays open, and the end of one that does not read."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from shared.subjects import direct_conversation_id
from tests.support.peer import Peer, closed, http, peer, synced
from tests.support.raw import connections_of
from tests.support.stack import Stack, run_stack
from tests.support.traffic import make_known, newcomers
from tests.support.waiting import eventually, within

SMALL: dict[str, Any] = {
    "sockets_per_user": 2,
    "sockets_per_address": 4,
    "message_burst": 5,
    "message_rate": 0.01,
}

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def limited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(tmp_path_factory.mktemp("limited"), **SMALL) as running:
        await make_known(running, ["bob"])
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def small(limited: Stack) -> Stack:
    """A stack on which no socket of the test before is left."""
    await eventually(lambda: held(limited) == 0)
    return limited


@asynccontextmanager
async def admitted(stack: Stack, user_id: str) -> AsyncIterator[Peer]:
    """Welcomed, also where a socket of before has gone and is still being counted."""
    async with AsyncExitStack() as opened:
        async with within(20):
            while True:
                with suppress(ConnectionClosed):
                    one = await opened.enter_async_context(peer(stack, user_id))
                    break
        yield one


async def test_too_many_sockets_of_a_user_are_refused(small: Stack) -> None:
    async with admitted(small, "alice") as one, admitted(small, "alice") as two:
        async with connect(small.ws_url) as third:
            await third.send(json.dumps({"type": "hello", "token": small.token("alice")}))
            assert await closed(third) == 4029
        for kept in (one, two):
            await kept.settled()
    async with admitted(small, "alice"):
        pass


async def test_too_many_sockets_of_an_address_are_refused(small: Stack) -> None:
    async with (
        admitted(small, "alice"),
        admitted(small, "alice"),
        admitted(small, "bob"),
        admitted(small, "bob"),
        connect(small.ws_url) as fifth,
    ):
        assert await closed(fifth) == 4029


async def test_the_rate_limit_counts_messages_over_all_sockets_and_repeats_are_free(
    small: Stack,
) -> None:
    async with admitted(small, "alice") as one, admitted(small, "alice") as two:
        for number in range(5):
            ack = await (one, two)[number % 2].message("bob", "quick", f"r-{number}")
            assert ack["type"] == "ack"
        error = await two.message("bob", "too quick", "r-5")
        assert (error["code"], error["temporary"]) == ("rate_limited", True)
        assert 0 < error["retry_after_ms"] <= 100_000
        for _ in range(10):
            assert (await one.message("bob", "quick", "r-0"))["duplicate"] is True
        async with http(small, "alice") as api:
            body = {"client_id": "r-6", "to": "bob", "content": "by post"}
            refused = await api.post("/v1/messages", body)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1


async def test_c10_who_does_not_read_is_dropped_and_nobody_waits(stack: Stack) -> None:
    """A receive buffer of 4 KiB, never read, while 3 MB of messages arrive."""
    deaf, other, writer = await newcomers(stack, "deaf", "carol", "alice")
    async with synced(stack, writer) as alice, synced(stack, other) as carol:
        await eventually(lambda: held(stack) == 2)
        with await asyncio.to_thread(deaf_socket, stack, deaf):
            await eventually(lambda: held(stack) == 3)
            for number in range(600):
                frame = {"to": deaf, "client_id": f"n-{number}", "content": "x" * 5000}
                await alice.send("message", **frame)
            for number in range(600):
                assert (await alice.outcome(f"n-{number}"))["type"] == "ack"
            assert (await alice.message(other, "quick"))["type"] == "ack"
            await carol.next("message", content="quick")
            await eventually(lambda: held(stack) == 2)


def deaf_socket(stack: Stack, user_id: str) -> socket.socket:
    """A WebSocket that says hello and never reads again."""
    host, _, port = stack.url.removeprefix("http://").partition(":")
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect((host, int(port)))
    key = "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n"
    upgrade = "connection: upgrade\r\nupgrade: websocket\r\n"
    deaf.sendall(f"GET /ws HTTP/1.1\r\nhost: {host}\r\n{upgrade}{key}\r\n".encode())
    assert b" 101 " in deaf.recv(1024)
    deaf.sendall(text_frame({"type": "hello", "token": stack.token(user_id)}))
    return deaf


def held(stack: Stack) -> int:
    """Connections that the gateway has descriptors of."""
    return connections_of(stack.pids()["gateway"], stack.port("gateway"))


async def test_at_sigterm_everyone_is_told_when_to_come_back(stack: Stack) -> None:
    gateway = stack.pids()["gateway"]
    async with synced(stack, "alice") as alice, synced(stack, "bob") as bob:
        os.kill(gateway, signal.SIGTERM)
        for one in (alice, bob):
            assert 0 < (await one.next("reconnect"))["after_ms"] <= 1000
            assert await one.closed() == 1012
    await stack.until(lambda: gateway in [died["pid"] for died in stack.told("died", "gateway")])
    assert stack.told("died", "gateway")[-1]["status"] == 0
    await stack.ready()
    async with peer(stack, "alice"):
        pass


async def test_f_s17_at_sigterm_everyone_is_told_though_messages_keep_coming(
    stack: Stack,
) -> None:
    """Farewell first; then only what was sent before is waited for, and who was here is written."""
    watchers = ["alice", "bob", "carol"]
    gateway = stack.pids()["gateway"]
    async with AsyncExitStack() as opened:
        peers = [await opened.enter_async_context(synced(stack, one)) for one in watchers]
        flooders = [f"flooder{number}" for number in range(4)]
        flooding = [  # of those whom the old gateway has let in: the next one lets others in
            asyncio.create_task(asyncio.to_thread(flood_commands, flooder, opened_socket))
            for flooder in flooders
            for opened_socket in [await asyncio.to_thread(deaf_socket, stack, flooder)]
        ]
        assert (await peers[0].message("bob", "in the midst of it"))["type"] == "ack"
        before = time.time_ns() // 1000
        os.kill(gateway, signal.SIGTERM)
        async with within(6):
            for one in peers:
                assert 0 < (await one.next("reconnect"))["after_ms"] <= 1000
                assert await one.closed() == 1012
            await asyncio.gather(*flooding)
    await stack.until(lambda: gateway in [died["pid"] for died in stack.told("died", "gateway")])
    await stack.ready()
    assert stack.told("died", "gateway")[-1]["status"] == 0
    with closing(sqlite3.connect(stack.data_dir / "linkup.db")) as store:
        seen = dict(store.execute("SELECT user_id, last_seen FROM users"))
    assert all(seen[watcher] >= before for watcher in watchers)


def flood_commands(user_id: str, flooding: socket.socket) -> None:
    """As fast as they are taken, until the socket ends. Nobody answers a receipt."""
    conversation_id = direct_conversation_id(user_id, "bob")
    message = {"type": "message", "to": "bob", "client_id": "first", "content": "hello"}
    receipt = {"type": "delivered", "conversation_id": conversation_id, "seq": 1}
    with flooding, suppress(OSError):
        flooding.sendall(text_frame(message))
        while True:
            flooding.sendall(text_frame(receipt) * 200)


def text_frame(frame: Mapping[str, object]) -> bytes:
    """Return a frame of a client, with a mask of zeros."""
    text = json.dumps(frame).encode()
    return bytes([0x81, 0xFE]) + len(text).to_bytes(2, "big") + bytes(4) + text


async def test_c10_a_flood_of_pings_without_reading_is_dropped(stack: Stack) -> None:
    async with synced(stack, "carol") as carol:
        gateway = stack.pids()["gateway"]
        with await asyncio.to_thread(deaf_socket, stack, "bob") as deaf:
            ping = bytes([0x89, 0x80 | 125]) + bytes(4) + b"x" * 125
            with pytest.raises((BrokenPipeError, ConnectionResetError, TimeoutError)):
                await asyncio.to_thread(flood, deaf, ping * 1000, 200)  # it is not read on
            await eventually(lambda: held(stack) == 1)
        assert resident_bytes(gateway) < 256 * 1024 * 1024
        await carol.settled()


def flood(deaf: socket.socket, data: bytes, times: int) -> None:
    """Raises OSError once the other side has let go."""
    deaf.settimeout(10)
    for _ in range(times):
        deaf.sendall(data)


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
