"""Too many requests, and the API for pages of other sites, against the real gateway."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from tests.support import web
from tests.support.peer import Peer, closed, http, peer
from tests.support.stack import Stack, run_stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST_APP = "https://app.example"
LIMITS: dict[str, Any] = {
    "api_per_minute": 4,
    "search_per_minute": 2,
    "auth_per_minute": 3,
    "other_per_minute": 2,
    "sockets_per_address": 3,
    "trusted_proxies": ("127.0.0.1",),  # as which a request without the header counts by itself
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("rates")
    async with run_stack(
        folder, dev_login=True, allowed_origins=(HOST_APP.upper() + "/",), **LIMITS
    ) as running:
        yield running


def problem(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == 429
    body: dict[str, Any] = answer.json()
    assert (body["code"], body["temporary"]) == ("rate_limited", True)
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    return body


async def test_s44_d35_a_user_is_limited_by_class_and_nobody_else_is(stack: Stack) -> None:
    async with http(stack, "alice") as api:
        answers = [await api.get("/v1/unread") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [429]
        problem(answers[-1])
        problem(await api.post("/v1/messages", {"nonsense": 1}))  # any route of the class
        assert (await api.get("/v1/search", q="word")).status_code == 200
        assert (await api.get("/v1/search", q="word")).status_code == 200
        problem(await api.get("/v1/search", q="word"))
        assert (await api.post("/v1/tickets", {})).status_code == 201
    async with http(stack, "bob") as other:
        assert (await other.get("/v1/unread")).status_code == 200
    async with peer(stack, "alice") as alice:  # a socket has limits of its own
        assert (await alice.message("alice", "still here"))["type"] == "ack"


async def test_s44_without_a_token_it_is_the_address_that_counts(stack: Stack) -> None:
    async with web.client(base_url=stack.url, timeout=30) as client:
        for number in range(3):
            body = {"user_id": f"guest-{number}"}
            assert (await client.post("/v1/dev/login", json=body)).status_code == 200
        problem(await client.post("/v1/dev/login", json={"user_id": "guest-4"}))
        nobody = {"authorization": "Bearer nonsense"}
        for _ in range(6):  # who is not let in uses up nobody's
            assert (await client.get("/v1/unread", headers=nobody)).status_code == 401
        for _ in range(9):
            assert (await client.get("/readyz")).status_code == 200


async def test_f_t3_behind_a_trusted_proxy_it_is_the_clients_address_that_counts(
    stack: Stack,
) -> None:
    async with web.client(base_url=stack.url, timeout=30) as proxy:
        for _ in range(3):
            assert (await login(proxy, "198.51.100.7")).status_code == 200
        problem(await login(proxy, "198.51.100.7"))
        assert (await login(proxy, "198.51.100.8")).status_code == 200
        # Only the last proxy is ours: what stands before its word, anybody can have written.
        problem(await login(proxy, "198.51.100.9, 198.51.100.7"))


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is this machine on Linux only")
async def test_f_t3_what_another_says_of_its_address_is_not_believed(stack: Stack) -> None:
    elsewhere = httpx2.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx2.AsyncClient(base_url=stack.url, timeout=30, transport=elsewhere) as anybody:
        for number in range(3):
            assert (await login(anybody, f"198.51.100.{20 + number}")).status_code == 200
        problem(await login(anybody, "198.51.100.30"))


async def login(client: httpx2.AsyncClient, said: str) -> httpx2.Response:
    return await client.post(
        "/v1/dev/login", json={"user_id": "guest"}, headers={"x-forwarded-for": said}
    )


async def test_f_t3_sockets_count_for_the_clients_address_too(stack: Stack) -> None:
    async with AsyncExitStack() as sockets:
        for address, allowed in [("a", 3), ("b", 3)]:
            said = {"x-forwarded-for": f"2001:db8:{address}::1"}
            for _ in range(allowed):
                socket = await sockets.enter_async_context(
                    connect(stack.ws_url, additional_headers=said)
                )
                await socket.send(json.dumps({"type": "hello", "token": stack.token("dora")}))
                assert json.loads(await socket.recv())["type"] == "welcome"
            async with connect(stack.ws_url, additional_headers=said) as one_more:
                assert await closed(one_more) == 4029


async def test_who_guesses_tickets_is_told_to_wait(stack: Stack) -> None:
    codes = []
    for number in range(4):
        async with connect(stack.ws_url) as socket:
            guesser = Peer(socket, "?")
            await guesser.send("hello", token=f"ticket_{number}")
            codes.append((await guesser.next("error"))["code"])
            assert await guesser.closed() == (4401 if number < 3 else 1013)
    assert codes == ["unauthorized"] * 3 + ["rate_limited"]


async def test_a_page_of_an_allowed_site_may_call_the_api(stack: Stack) -> None:
    asked = {
        "origin": HOST_APP,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "authorization,content-type",
    }
    token = {"authorization": f"Bearer {stack.token('carol')}"}
    async with web.client(base_url=stack.url, timeout=30) as client:
        before = await client.request("OPTIONS", "/v1/conversations/x", headers=asked)
        assert before.status_code == 200
        assert before.headers["access-control-allow-origin"] == HOST_APP
        assert "PATCH" in before.headers["access-control-allow-methods"]
        for status in [200] * 4 + [429]:
            answer = await client.get("/v1/unread", headers={**token, "origin": HOST_APP})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == HOST_APP
        assert answer.headers["access-control-expose-headers"] == "Retry-After, Date"
        assert "access-control-allow-credentials" not in answer.headers
        refused = await client.get("/v1/unread", headers={"origin": HOST_APP})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == HOST_APP


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{HOST_APP}.evil.example"])
async def test_a_page_of_another_site_may_not(stack: Stack, origin: str) -> None:
    asked = {"origin": origin, "access-control-request-method": "GET"}
    token = {"authorization": f"Bearer {stack.token('dave')}"}
    async with web.client(base_url=stack.url, timeout=30) as client:
        before = await client.request("OPTIONS", "/v1/unread", headers=asked)
        answer = await client.get("/v1/unread", headers={**token, "origin": origin})
    assert before.status_code == 400
    assert "access-control-allow-origin" not in {**before.headers, **answer.headers}
