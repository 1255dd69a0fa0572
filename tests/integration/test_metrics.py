"""Metrics of the running product, and who is told what."""

import asyncio

import httpx2
import pytest

from shared.health.catalogue import ALL, STANDARD, TABLE
from tests.support import web
from tests.support.peer import synced
from tests.support.prometheus import Scraped, needs_promtool, promtool
from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROXIED = {"X-Forwarded-For": "203.0.113.7"}


async def get(url: str, headers: dict[str, str] | None = None) -> httpx2.Response:
    async with web.client(timeout=60) as client:
        return await client.get(url, headers=headers)


async def scrape(stack: Stack, service: str) -> Scraped:
    answer = await get(f"http://127.0.0.1:{stack.port(service)}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Scraped(answer.raise_for_status().text)


@pytest.mark.parametrize("service", ALL)
async def test_s120_every_metric_of_the_table_is_told_by_the_running_product(
    stack: Stack, service: str
) -> None:
    told = (await scrape(stack, service)).kinds
    assert {one.name for one in TABLE if service in one.services} <= told.keys()
    assert told.keys() >= STANDARD


@needs_promtool
@pytest.mark.parametrize("service", ALL)
async def test_s120_prometheus_reads_what_the_running_product_tells(
    stack: Stack, service: str
) -> None:
    told = await scrape(stack, service)
    assert await asyncio.to_thread(promtool, "check", "metrics", text=told.text) == ""


STAGES = {
    "gateway": (
        "linkup_lane_wait_seconds_count",
        "linkup_lane_batch_commands_sum",
        "linkup_ack_seconds_count",
        "linkup_push_seconds_count",
    ),
    "persistence": (
        "linkup_commit_seconds_count",
        "linkup_commit_commands_sum",
        "linkup_publish_seconds_count",
    ),
}


async def test_s120_each_stage_of_a_message_is_measured(stack: Stack) -> None:
    before = {service: await scrape(stack, service) for service in STAGES}
    async with synced(stack, "alice") as alice, synced(stack, "bob") as bob:
        for number in range(64):
            await alice.message("bob", f"measured {number}")
        await bob.next("message", content="measured 63")
        gateway = await scrape(stack, "gateway")
    assert gateway("linkup_decode_seconds_count") > before["gateway"]("linkup_decode_seconds_count")
    assert gateway("linkup_sockets") == 2
    for service, names in STAGES.items():
        now = await scrape(stack, service)
        for name in names:
            assert now(name) >= before[service](name) + (64 if name.endswith("_sum") else 1), name


async def test_s120_refusals_and_resumes_are_counted(stack: Stack) -> None:
    before = await scrape(stack, "gateway")
    async with synced(stack, "alice") as alice:
        await alice.send_text("nonsense")
        await alice.next("error")
        ack = await alice.message("bob", "again")
        hello = next(frame for frame in alice.frames if frame["type"] == "welcome")
    async with synced(stack, "alice", epoch=hello["epoch"], cursor=hello["cursor"]) as back:
        await back.settled()
    async with synced(stack, "alice", epoch="another", cursor=1) as lost:
        await lost.settled()
    assert ack["type"] == "ack"
    now = await scrape(stack, "gateway")
    for name, label in (
        ("linkup_refusals_total", {"code": "invalid_frame"}),
        ("linkup_resumes_total", {"outcome": "recovered"}),
        ("linkup_resumes_total", {"outcome": "resync"}),
    ):
        assert now(name, **label) == before(name, **label) + 1, (name, label)


async def test_s120_what_is_done_without_a_socket_is_counted(stack: Stack) -> None:
    before = await scrape(stack, "gateway")
    headers = {"Authorization": f"Bearer {stack.token('alice')}"}
    async with web.client(base_url=stack.url, headers=headers, timeout=60) as client:
        (await client.get("/v1/sync")).raise_for_status()
        said = {"to": "bob", "content": "by HTTP", "client_id": "fallback"}
        (await client.post("/v1/messages", json=said)).raise_for_status()
    now = await scrape(stack, "gateway")
    for channel in ("http_send", "http_sync"):
        name = "linkup_fallbacks_total"
        assert now(name, channel=channel) == before(name, channel=channel) + 1


@pytest.mark.parametrize("headers", [PROXIED, {"Host": "chat.example.com"}])
async def test_s42_a_stranger_is_told_the_bare_status(
    stack: Stack, headers: dict[str, str]
) -> None:
    for path, keys in (("/livez", {"status", "service"}), ("/health", {"status"})):
        answer = await get(stack.url + path, headers)
        assert (answer.status_code, answer.json().keys()) == (200, keys)
    assert (await get(stack.url + "/readyz", headers)).status_code == 200
    missing, unknown = [await get(stack.url + path, headers) for path in ("/metrics", "/nothing")]
    assert missing.status_code in (403, 404)
    assert missing.json()["code"] == unknown.json()["code"]
    assert {"health_score", "services"} <= (await get(stack.url + "/health")).json().keys()
