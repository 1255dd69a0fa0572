"""The beginning of a socket: who may open one, its first frame, and its deadline."""

import json
import os
import signal
import time
from collections.abc import AsyncIterator

import jwt
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.peer import closed, http, peer
from tests.support.stack import Stack, run_stack
from tests.support.waiting import TIMEOUT_FACTOR

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALLOWED = "https://chat.example"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(
        tmp_path_factory.mktemp("stack"),
        hello_timeout=3 * TIMEOUT_FACTOR,
        allowed_origins=("HTTPS://Chat.example:443/",),  # f_s3
        edit_window=90,
        delete_window=0,
    ) as running:
        yield running


async def test_s66_welcome_tells_how_long_a_message_may_be_changed(stack: Stack) -> None:
    async with peer(stack, "alice") as alice:
        limits = alice.frames[0]["limits"]
    windows = limits["edit_window_seconds"], limits["delete_window_seconds"]
    assert windows == (90, 0)  # for ever


async def test_s28_welcome_tells_who_one_is_to_others(stack: Stack) -> None:
    """`welcome` has the claims of the token, and earlier claims where the token has none."""
    url = "https://app.example.com/n.png"
    known: list[tuple[str | None, str | None]] = []
    for claims in ({"name": "Nora Ek", "avatar": url}, {}, {"avatar": None}, {"name": ""}):
        said = {"sub": "nora", "aud": "linkup", "exp": int(time.time()) + 60, **claims}
        async with peer(stack, "nora", token=jwt.encode(said, stack.secret)) as nora:
            known.append((nora.frames[0]["name"], nora.frames[0]["avatar"]))
    assert known == [("Nora Ek", url), ("Nora Ek", url), ("Nora Ek", None), (None, None)]


async def test_a_socket_ends_with_its_token(stack: Stack) -> None:
    async with connect(stack.ws_url) as ws:
        token = stack.token("alice", exp=int(time.time()) + 2)
        await ws.send(json.dumps({"type": "hello", "token": token}))
        assert await closed(ws) == 4401


async def test_a_page_of_another_site_gets_no_socket(stack: Stack) -> None:
    for origin in (stack.url, ALLOWED):
        async with connect(stack.ws_url, origin=origin):  # type: ignore[arg-type]
            pass
    for origin in ("null", "https://evil.example", f"{ALLOWED}.evil.example", f"{stack.url}0"):
        with pytest.raises(InvalidStatus) as refused:
            await connect(stack.ws_url, origin=origin)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403


async def test_every_service_is_well_and_the_gateway_lives_while_persistence_stands_still(
    stack: Stack,
) -> None:
    async with http(stack, "alice") as api:
        for service in ("gateway", "persistence", "notify"):
            base = f"http://127.0.0.1:{stack.port(service)}"
            for path, status in (("/livez", "pass"), ("/readyz", "pass"), ("/health", "healthy")):
                answer = await api.get(base + path)
                assert (answer.status_code, answer.json()["status"]) == (200, status), answer.text
        os.kill(stack.pids()["persistence"], signal.SIGSTOP)
        try:
            alive = await api.get(f"http://127.0.0.1:{stack.port('gateway')}/livez")
        finally:
            os.kill(stack.pids()["persistence"], signal.SIGCONT)
        assert alive.status_code == 200
