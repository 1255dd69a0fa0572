"""How a socket begins: who may open one, what it has to say first, and how long that lasts."""

import json
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.peer import closed, http, peer
from tests.support.stack import Stack, run_stack
from tests.support.waiting import within

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALLOWED = "https://chat.example"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(
        tmp_path_factory.mktemp("stack"),
        hello_timeout=3,
        allowed_origins=("HTTPS://Chat.example:443/",),  # f_s3
        edit_window=90,
        delete_window=0,
    ) as running:
        yield running


async def test_who_does_not_say_who_they_are_is_closed_4401(stack: Stack) -> None:
    cases = [
        None,
        {"type": "ping"},
        {"type": "hello"},
        {"type": "hello", "token": "nonsense"},
        {"type": "hello", "token": stack.token("alice", exp=int(time.time()) - 5)},
        {"type": "hello", "token": stack.token("alice", aud="another-app")},
        {"type": "hello", "token": stack.token("a/b")},
    ]
    for case in cases:
        async with connect(stack.ws_url) as ws:
            if case is not None:
                await ws.send(json.dumps(case))
            assert await closed(ws) == 4401, case


async def test_a_malformed_hello_is_answered_and_may_be_said_again(stack: Stack) -> None:
    async with connect(stack.ws_url) as ws, within(10):
        await ws.send('{"type":"hello","tokem":"x"}')
        error = json.loads(await ws.recv())
        assert (error["code"], "tokem" in error["message"]) == ("invalid_frame", True)
        await ws.send(json.dumps({"type": "hello", "token": stack.token("alice")}))
        assert json.loads(await ws.recv())["type"] == "welcome"


async def test_s66_welcome_tells_how_long_a_message_may_be_changed(stack: Stack) -> None:
    async with peer(stack, "alice") as alice:
        limits = alice.frames[0]["limits"]
    windows = limits["edit_window_seconds"], limits["delete_window_seconds"]
    assert windows == (90, 0)  # for ever


async def test_a_socket_ends_with_its_token(stack: Stack) -> None:
    async with connect(stack.ws_url) as ws:
        token = stack.token("alice", exp=int(time.time()) + 2)
        await ws.send(json.dumps({"type": "hello", "token": token}))
        assert await closed(ws) == 4401


async def test_a_bearer_header_makes_hello_optional(stack: Stack) -> None:
    headers = {"authorization": f"Bearer {stack.token('alice')}"}
    for first in (None, {"type": "ping"}, {"type": "hello"}, {"type": "nonsense"}):
        async with connect(stack.ws_url, additional_headers=headers) as ws, within(10):
            if first is not None:
                await ws.send(json.dumps(first))
            assert json.loads(await ws.recv())["type"] == "welcome"
    refused = {"authorization": "Bearer nonsense"}
    async with connect(stack.ws_url, additional_headers=refused) as ws:
        assert await closed(ws) == 4401


@pytest.mark.parametrize("path", ["/nowhere", "/ws/nowhere", "/ws/"])
async def test_an_unknown_path_is_refused(stack: Stack, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(stack.url.replace("http", "ws") + path)
    assert refused.value.response.status_code in (403, 404)


async def test_a_page_of_another_site_gets_no_socket(stack: Stack) -> None:
    for origin in (stack.url, ALLOWED):
        async with connect(stack.ws_url, origin=origin):  # type: ignore[arg-type]
            pass
    for origin in ("null", "https://evil.example", f"{ALLOWED}.evil.example", f"{stack.url}0"):
        with pytest.raises(InvalidStatus) as refused:
            await connect(stack.ws_url, origin=origin)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403


async def test_the_subprotocol_is_echoed(stack: Stack) -> None:
    offered = ["something.else", "linkup.v1"]
    async with connect(stack.ws_url, subprotocols=offered) as ws:  # type: ignore[arg-type]
        assert ws.subprotocol == "linkup.v1"


async def test_twenty_malformed_frames_in_a_minute_end_a_socket(stack: Stack) -> None:
    async with peer(stack, "alice") as alice:
        for _ in range(20):
            await alice.send_text("nonsense")
        assert await alice.closed() == 4408


async def test_every_service_is_well_and_the_gateway_lives_while_persistence_stands_still(
    stack: Stack,
) -> None:
    async with http(stack, "alice") as api:
        for service in ("gateway", "persistence", "notify"):
            base = f"http://127.0.0.1:{stack.port(service)}"
            for path in ("/livez", "/readyz", "/health"):
                answer = await api.get(base + path)
                assert (answer.status_code, answer.json()["status"]) == (200, "pass"), answer.text
        os.kill(stack.pids()["persistence"], signal.SIGSTOP)
        assert (await api.get(f"http://127.0.0.1:{stack.port('gateway')}/livez")).status_code == 200
        os.kill(stack.pids()["persistence"], signal.SIGCONT)
