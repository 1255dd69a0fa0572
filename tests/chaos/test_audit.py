"""The auditor beside traffic: a large store is walked, and messages do not wait for it."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from linkup.load.measured import latency
from tests.bench import history
from tests.support.peer import synced
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.stores import lay_out
from tests.support.traffic import make_known
from tests.support.waiting import eventually

MESSAGES = int(os.environ.get("AUDITED_MESSAGES", "1000000"))
WINDOWS = 6  # of each kind, in turns
SECONDS = 15.0
SENDERS = 8
PAUSE = 0.04  # seconds between an ack and the next message: 100 messages a second or more
MOST = 1.25  # times the p99 without it


@pytest.mark.prove
@pytest.mark.timeout(3600)
async def test_f_a1_a_large_healthy_store_is_audited_and_no_ack_waits_for_it(
    tmp_path: Path,
) -> None:
    await lay_out(tmp_path / "data")
    async with history.side(tmp_path / "data" / "linkup.db") as store:
        await store.fill(MESSAGES)
    acks: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * WINDOWS):
        audited = bool(number % 2)
        async with run_stack(tmp_path, **UNLIMITED, audit_every=0.001 if audited else 0) as stack:
            acks[audited] += await window(stack)
            if audited:
                assert '"violations"' not in stack.log.read_text().replace('"violations":0', "")
    async with run_stack(tmp_path, audit_every=0.001) as stack:
        await looked_through(stack)
    without, beside = latency(acks[False]), latency(acks[True])
    print(f"{MESSAGES} messages: ack {without} without, {beside} beside the auditor")  # noqa: T201
    assert without.p99_ms is not None
    assert beside.p99_ms is not None
    assert beside.p99_ms <= MOST * without.p99_ms


async def window(stack: Stack) -> list[float]:
    """Return how long each ack took while several users wrote at once."""
    await make_known(stack, [f"reader-{n}" for n in range(SENDERS)])
    taken = await asyncio.gather(*(write(stack, n) for n in range(SENDERS)))
    return [seconds for one in taken for seconds in one]


async def write(stack: Stack, number: int) -> list[float]:
    taken = []
    async with synced(stack, f"writer-{number}") as one:
        until = time.monotonic() + SECONDS
        while (began := time.monotonic()) < until:
            answer = await one.message(f"reader-{number}", "hello", f"{time.time_ns()}")
            assert answer["type"] == "ack"
            taken.append(time.monotonic() - began)
            await asyncio.sleep(PAUSE)
    return taken


async def looked_through(stack: Stack) -> None:
    """Wait until a whole pass of the audit has ended, and check that it has found nothing."""
    await eventually(lambda: "the store is audited" in stack.log.read_text(), 1800)
    assert '"violations":0' in stack.log.read_text()
