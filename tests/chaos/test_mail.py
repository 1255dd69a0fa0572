"""A mail server that goes wrong: C8 while notify is killed again and again, and chat beside it."""

import asyncio
import json
import os
import socket
import time
from collections import Counter
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from msgspec import Struct
from websockets.asyncio.client import connect

from linkup.load.cpu import Usage
from linkup.load.measured import latency
from services.notify.sending.courier import CONCURRENCY
from tests.integration.notify_support import (
    FakeLog,
    Mailbox,
    fake_log,
    process,
    rows,
    smtp_server,
)
from tests.support.peer import Peer, synced
from tests.support.ports import free_port
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.unruly import Unruly
from tests.support.waiting import eventually

FEW = 200
MANY = int(os.environ.get("MAILED", "10000"))
A_LIFE = 60  # e-mails, about, between two kills
ENDS = {"sent", "unknown", "failed"}

REFUSED = "refused"  # nobody listens
FAULTS = {  # at which step, and what
    "451": ("rcpt", "451 4.7.1 come again"),
    "hangs": ("data", "hang"),
    "550": ("rcpt", "550 5.1.1 no such user"),
}
ROUNDS = 2  # of all faults
SECONDS = float(os.environ.get("MAIL_SECONDS", "15"))  # of a window
SENDERS = 8
PAUSE = 0.04  # seconds between an ack and the next message
MORE_CPU = 0.05
MORE_P99 = 1.25


@pytest.mark.slow
@pytest.mark.timeout(240)  # a dozen processes, one after the other
async def test_c8_200_emails_through_an_unruly_server_and_kills_arrive_at_most_once(
    nats_url: str, tmp_path: Path
) -> None:
    await at_most_once(FEW, nats_url, tmp_path)


@pytest.mark.prove
@pytest.mark.timeout(3600)
async def test_c8_10000_emails_through_an_unruly_server_and_kills_arrive_at_most_once(
    nats_url: str, tmp_path: Path
) -> None:
    await at_most_once(MANY, nats_url, tmp_path)


async def at_most_once(number: int, nats_url: str, folder: Path) -> None:
    """All are sent, except those that the server refused for good or whose outcome is unknown."""
    people = [f"user{n}" for n in range(number)]
    server = Unruly(seed=number)
    async with fake_log(nats_url) as log, smtp_server(mailbox=server):
        log.page_size = 10_000
        await wanted(log, people)
        await lives(server, nats_url, folder, number)
        found = rows(folder / "notify.db")
    to = Counter(str(letter["To"]).removesuffix("@example.test") for letter in server.accepted)
    states = {row["user_id"]: row["state"] for row in found}
    assert to.most_common(1)[0][1] == 1
    assert sorted(states) == sorted(people)
    assert {user for user, state in states.items() if state == "sent"} <= to.keys()
    assert not {user for user, state in states.items() if state == "failed"} & to.keys()
    assert to.keys() <= {user for user, state in states.items() if state in ("sent", "unknown")}
    assert len(server.greylisted) == number
    ended = Counter(states.values())
    print(f"{number} e-mails: {dict(ended)}, {len(to)} accepted")  # noqa: T201
    assert ended["sent"] > 0.7 * number


async def wanted(log: FakeLog, people: list[str]) -> None:
    for person in people:
        log.know(person)
        await log.send("ann", person)


async def lives(server: Unruly, nats_url: str, folder: Path, number: int) -> None:
    """Kill notify whenever connections hang or enough was accepted; the last life ends it all."""
    settings = {
        "smtp_host": "127.0.0.1",
        "smtp_port": server.port,
        "smtp_security": "none",
        "smtp_retry_base": 0.02,
        "smtp_retry_cap": 0.02,
        "smtp_retry_attempts": 1000,
    }
    most = 0.7 * number  # the rest is for the last life, and for what is refused or interrupted
    seconds = 60 + number / 20  # before the first is accepted, all were told to come again
    while len(server.accepted) < most:
        async with process(nats_url, folder, **settings) as child:
            enough = len(server.accepted) + A_LIFE

            def killed(enough: int = enough) -> bool:
                return bool(server.stalled) or len(server.accepted) >= min(enough, most)

            await eventually(killed, seconds)
            child.kill()
            await child.wait()
        server.let_go()
    server.calm = True
    async with process(nats_url, folder, **settings):
        await eventually(
            lambda: {row["state"] for row in rows(folder / "notify.db")} <= ENDS, seconds
        )


class Failing(Mailbox):
    """`fault`: what happens to every e-mail, of FAULTS; empty: each is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.fault = ""

    async def step(self, server: SMTP, step: str) -> str | None:
        at, act = FAULTS.get(self.fault, ("", ""))
        self.script[step] = [act] if step == at else []
        return await super().step(server, step)


class Window(Struct, frozen=True):
    """`acks`: what they took, in seconds. `cpu`: of a message, in the gateway and persistence."""

    acks: list[float]
    cpu: float


@pytest.mark.prove
@pytest.mark.timeout(3600)
async def test_c8_chat_does_not_notice_a_mail_server_that_fails(tmp_path: Path) -> None:
    """Each failing window stands between two healthy ones, whose difference is the noise."""
    server, port = Failing(), free_port()
    healthy, failing = list[Window](), list[Window]()
    async with run_stack(tmp_path, **UNLIMITED, **mailing(port)) as stack:
        await make_addressed(stack)
        await window(stack, server, port, "")  # the first one warms up
        healthy.append(await window(stack, server, port, ""))
        for fault in (REFUSED, *FAULTS) * ROUNDS:
            failing.append(await window(stack, server, port, fault))
            healthy.append(await window(stack, server, port, ""))
    judge(healthy, failing)


def mailing(port: int) -> dict[str, Any]:
    """An e-mail for each message, tried again soon, to addresses that are never given up."""
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
        "smtp_retry_base": 0.5,
        "smtp_retry_cap": 2.0,
        "smtp_retry_attempts": 1000,
        "smtp_refusals": 0,
        "notify_email_after": 0.0,
        "notify_email_pause": 0.0,
    }


async def make_addressed(stack: Stack) -> None:
    for number in range(SENDERS):
        name = f"reader-{number}"
        token = stack.token(name, email=f"{name}@example.test")
        async with connect(stack.ws_url) as ws:
            await ws.send(json.dumps({"type": "hello", "token": token}))
            await ws.recv()


async def window(stack: Stack, server: Failing, port: int, fault: str) -> Window:
    server.fault, server.release = fault, asyncio.Event()
    if fault == REFUSED:
        return await traffic(stack)
    there = socket.create_server(("127.0.0.1", port))
    async with smtp_server(there, mailbox=server):
        before = len(server.accepted), len(server.seen)
        found = await traffic(stack)
        assert len(server.seen) > before[1]
        # Some were on their way when it began to fail.
        assert (len(server.accepted) > before[0] + CONCURRENCY) == (not fault)
        server.fault = ""
    return found


async def traffic(stack: Stack) -> Window:
    pids = stack.pids()
    usage = Usage({name: pids[name] for name in ("gateway", "persistence")})
    async with AsyncExitStack() as opened:
        writers = [
            await opened.enter_async_context(synced(stack, f"writer-{n}")) for n in range(SENDERS)
        ]
        usage.start()
        taken = await asyncio.gather(*(write(one, n) for n, one in enumerate(writers)))
        spent = sum(usage.seconds().values())
    acks = [seconds for one in taken for seconds in one]
    return Window(acks, spent / len(acks))


async def write(one: Peer, number: int) -> list[float]:
    taken = []
    until = time.monotonic() + SECONDS
    while (began := time.monotonic()) < until:
        answer = await one.message(f"reader-{number}", "hello", f"{time.time_ns()}")
        assert answer["type"] == "ack"
        taken.append(time.monotonic() - began)
        await asyncio.sleep(PAUSE)
    return taken


def judge(healthy: list[Window], failing: list[Window]) -> None:
    pairs = list(pairwise(healthy))
    noise = median(abs(one.cpu / other.cpu - 1) for one, other in pairs)
    more = median(
        bad.cpu / mean([one.cpu, other.cpu])
        for bad, (one, other) in zip(failing, pairs, strict=True)
    )
    well = latency([seconds for one in healthy for seconds in one.acks])
    badly = latency([seconds for one in failing for seconds in one.acks])
    print(  # noqa: T201
        f"CPU a message {more:.3f} times as much with a failing mail server, noise {noise:.3f}; "
        f"ack {well} healthy, {badly} failing"
    )
    assert well.p99_ms is not None
    assert badly.p99_ms is not None
    assert more <= 1 + max(MORE_CPU, noise)
    assert badly.p99_ms <= MORE_P99 * well.p99_ms
