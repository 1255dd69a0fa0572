"""kill -9 of each process while pairs chat: nothing acknowledged is lost, doubled or reordered."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.peer import Frame, http, peer
from tests.support.stack import Stack, run_stack
from tests.support.traffic import LOST, make_known, newcomers, traffic
from tests.support.waiting import TIMEOUT_FACTOR, eventually

UNLIMITED: dict[str, Any] = {"message_rate": 0, "sockets_per_address": 0}
SERVICES = ["gateway", "persistence", "nats-server", "notify"]


on_one_product = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(tmp_path_factory.mktemp("kill"), **UNLIMITED) as running:
        yield running


@on_one_product
@pytest.mark.timeout(180)
async def test_c1_c4_c5_kill_9_loses_nothing_acked(stack: Stack) -> None:
    async with traffic(stack, pairs=50) as running:
        for service in SERVICES:
            await running.each_more(2)
            await stack.ready()
            await stack.kill(service)
            await running.each_more(2)
    assert running.history.violations() == []


@on_one_product
async def test_c1_what_was_acked_survives_kill_9_of_everything(stack: Stack) -> None:
    await stack.ready()
    [other] = await newcomers(stack, "bob")
    async with peer(stack, "alice") as alice:
        ack = await alice.message(other, "still there?")
        assert ack["type"] == "ack"
        for service in ("persistence", "nats-server", "gateway"):
            await stack.kill(service)
    await stack.ready()
    async with http(stack, other) as bob:
        [row] = await bob.history(ack["conversation_id"])
    assert (row["message_id"], row["content"]) == (ack["message_id"], "still there?")


@on_one_product
@pytest.mark.timeout(180)
@pytest.mark.slow
async def test_c3_a_thousand_resends_across_kills_make_one_row(stack: Stack) -> None:
    await stack.ready()
    await resend(stack, times=1000, kill_every=200)


@pytest.mark.prove
@pytest.mark.timeout(900)
async def test_c3_ten_thousand_resends_across_kills_make_one_row(tmp_path: Path) -> None:
    async with run_stack(tmp_path, **UNLIMITED) as stack:
        await resend(stack, times=10_000, kill_every=500)


async def resend(stack: Stack, times: int, kill_every: int) -> None:
    """The same `client_id` again and again, whatever is killed meanwhile."""
    [other] = await newcomers(stack, "bob")
    kills = ["persistence", "gateway", "nats-server"]
    acks: list[Frame] = []
    while len(acks) < times:
        try:
            async with peer(stack, "alice") as alice:
                while len(acks) < times:
                    outcome = await alice.message(other, "only once", "the-one")
                    assert outcome["type"] == "ack" or outcome["temporary"], outcome
                    if outcome["type"] == "ack":
                        acks.append(outcome)
                        if len(acks) % kill_every == 0:
                            await stack.ready()
                            await stack.kill(kills[len(acks) // kill_every % len(kills)])
        except LOST:
            await asyncio.sleep(0.05)
    await stack.ready()
    assert len({(a["message_id"], a["seq"], a["created_at"]) for a in acks}) == 1
    async with peer(stack, "alice") as alice, http(stack, "alice") as api:
        conflict = await alice.message(other, "something else", "the-one")
        assert (conflict["code"], conflict["temporary"]) == ("client_id_conflict", False)
        assert len(await api.history(acks[0]["conversation_id"])) == 1


@pytest.mark.prove
@pytest.mark.timeout(3600)
async def test_c1_c4_c5_a_hundred_random_kills(tmp_path: Path) -> None:
    async with run_stack(tmp_path, **UNLIMITED) as stack:
        async with traffic(stack, pairs=50) as running:
            for _ in range(100):
                await running.more(200, 60)
                await stack.ready()
                await stack.kill(random.choice(SERVICES))
        assert running.history.violations() == []


@on_one_product
async def test_c6_a_reader_resumes_where_it_stood_after_a_gateway_died(stack: Stack) -> None:
    await stack.ready()
    [other] = await newcomers(stack, "bob")
    epoch = await make_known(stack, [other])
    async with peer(stack, "alice") as alice:
        assert (await alice.message(other, "one"))["seq"] == 1
        await stack.kill("gateway")
    await stack.ready()
    async with peer(stack, "alice") as alice:
        assert (await alice.message(other, "two"))["seq"] == 2
    async with peer(stack, other, epoch=epoch, cursor=0) as bob:
        assert [(await bob.next("message"))["content"] for _ in range(2)] == ["one", "two"]


@pytest.mark.prove
@pytest.mark.timeout(180)
async def test_f_h6_acks_return_quickly_under_mixed_kills(tmp_path: Path) -> None:
    """One of the processes every two seconds, in turn, whether the last one is back or not."""
    waits: list[float] = []

    async def alice_asks() -> None:
        client_id, began = 0, time.monotonic()
        while True:
            try:
                async with peer(killed, "alice") as alice:
                    while (await alice.message("bob", "still there?", f"m{client_id}"))[
                        "type"
                    ] == "ack":
                        waits.append(time.monotonic() - began)
                        client_id, began = client_id + 1, time.monotonic()
                        await asyncio.sleep(0.02)
            except LOST:
                pass
            await asyncio.sleep(0.05)

    async with run_stack(tmp_path, **UNLIMITED) as killed:
        await make_known(killed, ["bob"])
        asking = asyncio.create_task(alice_asks())
        for turn in range(12):
            await asyncio.sleep(2)
            pids = killed.pids()
            if (pid := pids.get(SERVICES[turn % len(SERVICES)])) is not None:
                os.kill(pid, signal.SIGKILL)
        done = len(waits)
        await eventually(lambda: len(waits) > done + 10, 30)
        asking.cancel()
        await asyncio.wait([asking])
    assert max(waits) < 10 * TIMEOUT_FACTOR
