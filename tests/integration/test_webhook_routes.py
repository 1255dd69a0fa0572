"""Webhooks on the running product: the routes of the host app, and `linkup webhooks`."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from click.testing import CliRunner, Result
from standardwebhooks.webhooks import Webhook as Verifier

from linkup.__main__ import main
from tests.support import web
from tests.support.endpoint import Endpoint, certificate, endpoint
from tests.support.peer import peer
from tests.support.stack import Stack, run_stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "h" * 32
MAIN = "/v1/admin/webhooks/main"
# tests/integration/test_webhooks.py has them all.
INSIDE = ("http://app.example/", "https://169.254.169.254/", "https://localhost/", "https://[::1]/")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Endpoint]:
    folder = tmp_path_factory.mktemp("host")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate(folder)))
        async with endpoint(folder) as there:
            yield there


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(there: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    settings: dict[str, Any] = {
        "host_key": KEY,
        "host_per_minute": 0,
        "outbound_allowed": "127.0.0.1",
        "webhook_retry_base": 0.02,
        "webhook_retry_cap": 0.02,
        "webhook_retry_for": 1.0,
    }
    async with run_stack(tmp_path_factory.mktemp("stack"), **settings) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with web.client(base_url=stack.url, timeout=60, headers=headers) as client:
        yield client


async def linkup(stack: Stack, *arguments: str) -> Result:
    called = ("webhooks", *arguments, "--data-dir", str(stack.data_dir))
    return await asyncio.to_thread(CliRunner().invoke, main, called)


async def test_a_host_registers_hears_replays_and_deletes(
    stack: Stack, client: httpx2.AsyncClient, there: Endpoint
) -> None:
    there.forget()
    assert (await client.get("/v1/admin/webhooks")).json() == {"webhooks": []}
    body: dict[str, Any] = {"url": there.url("/hook"), "events": ["message.created"]}
    made = await client.put(MAIN, json=body)
    assert made.status_code == 201
    verifier = Verifier(made.json()["secret"])
    again = await client.put(MAIN, json={**body, "events": body["events"] * 2})
    assert again.status_code == 200
    assert again.json()["events"] == body["events"]
    assert "secret" not in again.json()
    async with peer(stack, "alice") as alice, peer(stack, "bob"):
        await alice.message("bob", "hello")
        await eventually(lambda: len(there.asked) == 1)
        verifier.verify(there.asked[0].body, there.asked[0].headers)
        told = json.loads(there.asked[0].body)
        assert told["data"]["message"]["content"] == "hello"
        there.usual = "500"
        await alice.message("bob", "again")
        await until(client, waiting=0, dead=1)
    [dead] = (await client.get(f"{MAIN}/dead-letters")).json()["events"]
    assert (dead["type"], dead["reason"]) == ("message.created", "http_500")
    listed = await linkup(stack, "list", "main")
    assert (dead["event_id"] in listed.output, "http_500" in listed.output) == (True, True)
    assert (await linkup(stack, "test", "main")).exit_code == 1
    there.usual = "200"
    tested = await linkup(stack, "test", "main", "--json")
    assert (tested.exit_code, json.loads(tested.output)["reason"]) == (0, "")
    assert (await linkup(stack, "replay", "main", "evt_no")).exit_code == 1
    assert (await linkup(stack, "replay", "main")).exit_code == 2
    assert "1 events" in (await linkup(stack, "replay", "main", "--all")).output
    await until(client, waiting=0, dead=0)
    assert json.loads(there.asked[-1].body)["data"]["message"]["content"] == "again"
    nothing = await client.post(f"{MAIN}/replay", json={"event_ids": [dead["event_id"]]})
    assert nothing.json() == {"count": 0}
    [listed_one] = json.loads((await linkup(stack, "list", "--json")).output)["webhooks"]
    assert (listed_one["webhook_id"], listed_one["delivered"]) == ("main", 2)
    assert (await client.delete(MAIN)).status_code == 204
    assert (await client.delete(MAIN)).status_code == 204
    for path in (MAIN, f"{MAIN}/dead-letters"):
        assert (await client.get(path)).status_code == 404
    assert "There is no such webhook" in (await linkup(stack, "list", "main")).output


async def until(client: httpx2.AsyncClient, **counts: int) -> None:
    async def so() -> bool:
        found = (await client.get(MAIN)).json()
        return all(found[name] == count for name, count in counts.items())

    await eventually(so)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "http://app.example/x"}, "url"),
        ({"url": "https://app.example/x", "events": []}, "events"),
        ({"url": "https://app.example/x", "events": ["message.read", "no"]}, "events[1]"),
        ({"url": "https://app.example/x", "enabled": 1}, "enabled"),
        ({"url": "https://app.example/x", "secret": "s3cret"}, "secret"),
        ({"url": "https://app.example/x", "secret": "whsec_c2hvcnQ="}, "secret"),
        ({"url": "https://app.example/x", "ulr": ""}, "ulr"),
    ],
)
async def test_bad_input_names_the_field(
    client: httpx2.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await client.put("/v1/admin/webhooks/bad", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in answer.json()["detail"]


async def test_what_is_no_id_of_a_webhook_is_refused(client: httpx2.AsyncClient) -> None:
    for named in ("Main", "a%20b", "-a", "a" * 51):
        answer = await client.get(f"/v1/admin/webhooks/{named}")
        assert (answer.status_code, "`webhook_id`" in answer.json()["detail"]) == (400, True)


async def test_no_address_inside_gets_an_event(client: httpx2.AsyncClient) -> None:
    for url in INSIDE:
        answer = await client.put("/v1/admin/webhooks/inside", json={"url": url})
        assert (answer.status_code, "url" in answer.json()["detail"]) == (400, True), url
    assert (await client.get("/v1/admin/webhooks/inside")).status_code == 404
