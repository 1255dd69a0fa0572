"""The routes of web push on the running product, and the file of the service worker."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import httpx2
import pytest
import pytest_asyncio

from shared import vapid
from tests.support import web
from tests.support.receiver import Receiver, bytes_of
from tests.support.stack import Stack
from tests.unit.shared.test_outward import REFUSED

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUBSCRIPTIONS = "/v1/push-subscriptions"
KEYS = Receiver().keys


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    async with web.client(base_url=stack.url, timeout=60) as client:
        yield client


def of(stack: Stack, user_id: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.token(user_id)}"}


def stored(stack: Stack, user_id: str) -> list[str]:
    with closing(sqlite3.connect(stack.data_dir / "notify.db", timeout=5)) as database:
        found = database.execute(
            "SELECT endpoint FROM push_subscriptions WHERE user_id = ?", (user_id,)
        )
        return [endpoint for (endpoint,) in found.fetchall()]


async def test_s97_a_browser_gets_the_key_that_this_installation_keeps(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    answer = await client.get("/v1/push-key", headers=of(stack, "alice"))
    key = vapid.private_key((stack.data_dir / "vapid-key").read_text().strip())
    assert answer.json() == {"public_key": vapid.public_key(key)}
    assert len(bytes_of(answer.json()["public_key"])) == 65


async def test_s97_a_browser_subscribes_and_unsubscribes(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    endpoint = "https://push.example/alice"
    body = {"endpoint": endpoint, "expirationTime": None, "keys": KEYS}
    alice, bob = of(stack, "alice"), of(stack, "bob")
    for _ in range(2):
        answer = await client.post(SUBSCRIPTIONS, json=body, headers=alice)
        assert (answer.status_code, answer.content) == (204, b"")
    assert stored(stack, "alice") == [endpoint]
    gone = {"endpoint": endpoint}
    await client.request("DELETE", SUBSCRIPTIONS, json=gone, headers=bob)
    assert stored(stack, "alice") == [endpoint]
    for _ in range(2):
        answer = await client.request("DELETE", SUBSCRIPTIONS, json=gone, headers=alice)
        assert answer.status_code == 204
    assert stored(stack, "alice") == []


async def test_ssrf_an_endpoint_that_leads_inside_is_refused_by_the_route(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    mallory = of(stack, "mallory")
    for fault, endpoint in REFUSED.items():
        answer = await client.post(
            SUBSCRIPTIONS, json={"endpoint": endpoint, "keys": KEYS}, headers=mallory
        )
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (400, "invalid_request"), fault
        assert "endpoint" in problem["detail"], fault
    assert stored(stack, "mallory") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"keys": KEYS}, "endpoint"),
        ({"endpoint": 7, "keys": KEYS}, "endpoint"),
        ({"endpoint": "https://push.example/x"}, "keys"),
        ({"endpoint": "https://push.example/x", "keys": {"auth": KEYS["auth"]}}, "p256dh"),
        ({"endpoint": "https://push.example/x", "keys": KEYS | {"auth": "short"}}, "auth"),
        ({"endpoint": "https://push.example/x", "keys": KEYS, "user_id": "bob"}, "user_id"),
    ],
)
async def test_s97_bad_input_names_its_field(
    stack: Stack, client: httpx2.AsyncClient, body: dict[str, object], field: str
) -> None:
    answer = await client.post(SUBSCRIPTIONS, json=body, headers=of(stack, "carol"))
    assert answer.status_code == 400
    assert f"`{field}`" in answer.json()["detail"] or f".{field}" in answer.json()["detail"]


async def test_s97_without_a_token_there_is_nothing(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/push-key")).status_code == 401
    body = {"endpoint": "https://push.example/x", "keys": KEYS}
    assert (await client.post(SUBSCRIPTIONS, json=body)).status_code == 401
    assert (await client.request("DELETE", SUBSCRIPTIONS, json=body)).status_code == 401


async def test_s97_the_service_worker_is_served_at_the_top_as_a_script(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.get("/service-worker.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
