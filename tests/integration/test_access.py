"""Two gateways refuse users who are banned, disconnected or logged out, on WebSockets and HTTP."""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from tests.support import web
from tests.support.peer import Peer, gather
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.traffic import make_known
from tests.support.waiting import eventually, within

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "the-host-apps-key-of-at-least-32-bytes"
GATEWAYS = ("gateway", "gateway-2")
SOON = 1.0  # the promise: out of all gateways within a second
TRIES = 5  # a busy machine may stand still for longer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    directory = tmp_path_factory.mktemp("access")
    async with run_stack(directory, gateways=2, host_key=KEY, **UNLIMITED) as running:
        yield running


def token(stack: Stack, user_id: str, **claims: Any) -> str:
    """Issued before the second in which the test ends it."""
    return stack.token(user_id, **{"iat": int(time.time()) - 1, **claims})


def url(stack: Stack, gateway: str, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{stack.port(gateway)}"


async def ask(
    stack: Stack, key: str, method: str, path: str, gateway: str = "gateway"
) -> httpx2.Response:
    headers = {"authorization": f"Bearer {key}"}
    async with web.client(base_url=url(stack, gateway), timeout=60) as client:
        return await client.request(method, path, headers=headers)


async def host(stack: Stack, method: str, path: str) -> dict[str, Any]:
    answer = await ask(stack, KEY, method, f"/v1/admin/users/{path}")
    told: dict[str, Any] = answer.raise_for_status().json()
    return told


async def statuses(stack: Stack, shown: str) -> list[int]:
    """Return the status with which each gateway answers a request with that token."""
    answers = [ask(stack, shown, "GET", "/v1/unread", gateway) for gateway in GATEWAYS]
    return [answer.status_code for answer in await gather(*answers)]


@asynccontextmanager
async def socket(stack: Stack, shown: str, gateway: str = "gateway") -> AsyncIterator[Peer]:
    """After `hello`; it may be refused."""
    async with connect(f"{url(stack, gateway, 'ws')}/ws", open_timeout=30) as ws:
        one = Peer(ws, "?")
        await one.send("hello", token=shown)
        yield one


@asynccontextmanager
async def sockets(stack: Stack, shown: str) -> AsyncIterator[list[Peer]]:
    """One at each gateway, welcomed."""
    async with socket(stack, shown) as one, socket(stack, shown, "gateway-2") as other:
        for peer in (one, other):
            await peer.next("sync_completed")
        yield [one, other]


async def out(peers: list[Peer]) -> list[tuple[str, int]]:
    return [((await peer.next("error"))["message"], await peer.closed()) for peer in peers]


async def soon(play: Callable[[Stack, str], Awaitable[float]], stack: Stack, name: str) -> None:
    """Play it with one user after the other, until the sockets of one are closed soon."""
    taken = []
    for number in range(TRIES):
        taken.append(await play(stack, f"{name}-{number}"))
        if taken[-1] < SOON:
            return
    raise AssertionError(taken)


async def refused(stack: Stack, shown: str) -> None:
    for gateway in GATEWAYS:
        async with socket(stack, shown, gateway) as one:
            assert (await one.next())["code"] == "unauthorized"
            assert await one.closed() == 4401


async def test_s3_who_is_banned_is_out_within_a_second_on_two_gateways(stack: Stack) -> None:
    await soon(banned, stack, "mallory")


async def banned(stack: Stack, user_id: str) -> float:
    """Return the seconds until the sockets were closed."""
    shown = token(stack, user_id)
    async with sockets(stack, shown) as peers, socket(stack, token(stack, "bob")) as bob:
        assert await statuses(stack, shown) == [200, 200]
        told = await host(stack, "PUT", f"{user_id}/ban")
        assert told == {"user_id": user_id, "banned": True, "valid_after": None}
        began = time.monotonic()
        assert await out(peers) == [("You no longer have access", 4401)] * 2
        seconds = time.monotonic() - began
        assert await statuses(stack, shown) == [401, 401]
        await refused(stack, token(stack, user_id, jti="another"))
        await bob.next("welcome")  # nobody else is
        await bob.settled()
    assert (await host(stack, "DELETE", f"{user_id}/ban"))["banned"] is False
    assert await statuses(stack, shown) == [200, 200]
    async with sockets(stack, shown):
        pass
    return seconds


async def test_s3_disconnecting_revokes_the_tokens_issued_until_now(stack: Stack) -> None:
    await soon(disconnected, stack, "dora")


async def disconnected(stack: Stack, user_id: str) -> float:
    """Return the seconds until the sockets were closed."""
    shown, silent = token(stack, user_id), stack.token(user_id)
    ticket = (await ask(stack, shown, "POST", "/v1/tickets")).json()["ticket"]
    async with sockets(stack, shown) as peers:
        told = await host(stack, "POST", f"{user_id}/disconnect")
        began = time.monotonic()
        assert await out(peers) == [("The token was revoked", 4401)] * 2
        seconds = time.monotonic() - began
    assert told["valid_after"].endswith("Z")
    for one in (shown, silent, ticket):  # also one that does not say when it was issued
        await refused(stack, one)
    assert await statuses(stack, shown) == [401, 401]
    later = token(stack, user_id, iat=time.time() + 2)
    async with sockets(stack, later):
        assert await statuses(stack, later) == [200, 200]
    return seconds


async def test_d16_logging_out_ends_one_token_and_no_other(stack: Stack) -> None:
    await soon(logged_out, stack, "lara")


async def logged_out(stack: Stack, user_id: str) -> float:
    """Return the seconds until the sockets of the token were closed."""
    shown, other = token(stack, user_id), token(stack, user_id, jti="phone")
    ticket = (await ask(stack, shown, "POST", "/v1/tickets")).json()["ticket"]
    async with sockets(stack, shown) as peers, sockets(stack, other) as stay:
        await stay[0].send("refresh", token=shown, client_id="r1")
        await stay[0].next("ack", client_id="r1")
        await stay[0].send("refresh", token=other, client_id="r2")
        await stay[0].next("ack", client_id="r2")
        assert (await ask(stack, shown, "POST", "/v1/logout")).status_code == 204
        began = time.monotonic()
        await out(peers)
        seconds = time.monotonic() - began
        assert await statuses(stack, shown) == [401, 401]
        await stay[0].send("refresh", token=shown, client_id="r3")
        assert (await stay[0].next("error", client_id="r3"))["code"] == "unauthorized"
        await gather(*(peer.settled() for peer in stay))
        await refused(stack, ticket)
    assert await statuses(stack, other) == [200, 200]
    assert (await ask(stack, shown, "POST", "/v1/logout")).status_code == 401
    return seconds


@pytest.mark.slow
async def test_only_the_host_ends_the_access_of_others(stack: Stack) -> None:
    await make_known(stack, ["vera"])
    for method, path in (("POST", "disconnect"), ("PUT", "ban"), ("DELETE", "ban")):
        for key in ("x" * 40, token(stack, "vera")):
            answer = await ask(stack, key, method, f"/v1/admin/users/vera/{path}")
            assert answer.status_code == 401
        for user_id, status in (("nobody", 404), ("linkup--a", 400), ("a" * 129, 400)):
            answer = await ask(stack, KEY, method, f"/v1/admin/users/{user_id}/{path}")
            assert answer.status_code == status
    assert await statuses(stack, token(stack, "vera")) == [200, 200]


@pytest.mark.timeout(240)
async def test_a_ban_that_nobody_heard_of_counts_when_nats_is_back(stack: Stack) -> None:
    """The transaction of the ban has ended, but its announcement and the broker are lost."""
    shown = token(stack, "nora")
    async with sockets(stack, shown) as peers:
        assert await statuses(stack, shown) == [200, 200]
        os.kill(stack.pids()["nats-server"], signal.SIGKILL)
        await asyncio.to_thread(ban_unheard, stack, "nora")
        async with within(60):
            for peer in peers:
                await peer.socket.wait_closed()
                assert peer.socket.close_code == 4401
        await stack.ready()

    async def is_out() -> bool:
        return await statuses(stack, shown) == [401, 401]

    await eventually(is_out, 60)


def ban_unheard(stack: Stack, user_id: str) -> None:
    path = stack.data_dir / "linkup.db"
    with closing(sqlite3.connect(path, timeout=30)) as db, db:
        db.execute("INSERT INTO standings VALUES (?, 1, 0, '{}', NULL)", (user_id,))
