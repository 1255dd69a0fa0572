"""A mail server that fails as a whole: it is left alone, probed by one e-mail, and all arrive."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from services.notify.channels import email
from shared.breaker import THRESHOLD
from shared.health.score import loss
from shared.health.taxonomy import Category
from tests.integration.notify_support import (
    FakeLog,
    Mailbox,
    Notify,
    fake_log,
    notify,
    rows,
    smtp_server,
    to_mailbox,
)
from tests.support.ports import port_of, silent
from tests.support.waiting import eventually

PEOPLE = [f"user{n}" for n in range(12)]
CONCURRENCY = 4


@pytest.fixture
async def log(nats_url: str) -> AsyncIterator[FakeLog]:
    async with fake_log(nats_url) as log:
        for person in PEOPLE:
            log.know(person)
        yield log


@asynccontextmanager
async def running(
    nats_url: str, folder: Path, log: FakeLog, mailbox: Mailbox, pause: float
) -> AsyncIterator[Notify]:
    """notify with an e-mail for each person; while it is broken, the breaker pauses that long."""
    for person in PEOPLE:
        await log.send("ann", person)
    retries = {"smtp_retry_base": pause, "smtp_retry_cap": pause, "smtp_retry_strategy": "fixed"}
    async with notify(nats_url, folder, **to_mailbox(mailbox) | retries) as running:
        yield running


def attempts(running: Notify) -> int:
    return sum(row["attempts"] for row in rows(running.database))


def claims(running: Notify) -> int:
    return sum(row["claims"] for row in rows(running.database))


def state(running: Notify) -> float | None:
    return running.health.checks["smtp"]().observed


async def opened(running: Notify) -> None:
    await eventually(lambda: state(running) == 2)
    await eventually(lambda: set(running.states()) == {"waiting"})


@pytest.mark.slow
@pytest.mark.parametrize("act", ["421 closing", "drop", "hang"])
async def test_s121_a_failing_mail_server_is_left_alone(
    nats_url: str,
    tmp_path: Path,
    log: FakeLog,
    act: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(email, "ENVELOPE_TIMEOUT", 0.2)
    monkeypatch.setattr(email.Smtp.__init__, "__defaults__", (0.2, email.DATA_TIMEOUT))
    async with smtp_server() as mailbox:
        mailbox.script["mail"] = [act] * 100
        async with running(nats_url, tmp_path, log, mailbox, pause=60) as notify:
            await opened(notify)
            assert THRESHOLD <= attempts(notify) < THRESHOLD + CONCURRENCY
            claimed, tried = claims(notify), mailbox.seen.count("mail")
            await log.send("ann", PEOPLE[0], "wakes the mailer")
            await eventually(lambda: 2 in [row["last_seq"] for row in rows(notify.database)])
            assert (claims(notify), mailbox.seen.count("mail")) == (claimed, tried)
            assert notify.health.report()[0] == "warn", "notify stays ready"
            assert "the mail server fails" in notify.health.checks["smtp"]().output


async def test_s82_s84_s121_a_dead_mail_server_costs_what_the_formula_says_and_is_named(
    nats_url: str, tmp_path: Path, log: FakeLog
) -> None:
    away = Mailbox()
    with silent() as there:
        away.port = port_of(there)
        async with running(nats_url, tmp_path, log, away, pause=60) as notify:
            await opened(notify)
            notify.health.operated(1000)
            told = notify.health.examine()
            expected = 100 - sum(
                loss(cast(Category, category), count, told.operations)
                for category, count in told.errors.items()
            )
            assert told.errors, "each attempt that failed is an error"
            assert abs(told.health_score - expected) <= 3
            assert "smtp" in {one.cause for one in told.recommendations}
            assert notify.health.report()[0] == "warn", "notify stays ready"


@pytest.mark.slow
async def test_s121_one_email_probes_and_all_arrive_when_the_server_is_back(
    nats_url: str, tmp_path: Path, log: FakeLog
) -> None:
    away = Mailbox()
    with silent() as there:
        away.port = port_of(there)
        async with running(nats_url, tmp_path, log, away, pause=0.3) as notify:
            await opened(notify)
            async with smtp_server(there) as mailbox:
                tried = attempts(notify)
                mailbox.script["mail"] = ["hang"]
                await mailbox.reached("mail").wait()
                for person in PEOPLE:
                    await log.send("ann", person, "wakes the mailer")
                await eventually(lambda: len(notify.states()) == len(PEOPLE) + 1)
                assert mailbox.seen == ["mail"], "one probe, however many are due"
                assert state(notify) == 1
                mailbox.release.set()
                await eventually(lambda: set(notify.states()) == {"sent"})
                assert state(notify) == 0
                counts = notify.health.counters.counts  # grow once it is committed
                await eventually(lambda: counts["fallbacks.email"] == len(PEOPLE) + 1)
    assert {str(one["To"]) for one in mailbox.accepted} == {f"{one}@example.test" for one in PEOPLE}
    assert counts["retries_succeeded.smtp"] >= 1
    assert counts["retries.smtp"] >= counts["retries_succeeded.smtp"]
    assert attempts(notify) - tried <= 1, "at most a probe from before the server listened"


async def test_s121_a_refused_recipient_or_a_greylisted_one_opens_nothing(
    nats_url: str, tmp_path: Path, log: FakeLog
) -> None:
    async with smtp_server() as mailbox:
        mailbox.script["rcpt"] = ["550 no such user", "451 greylisted"] * THRESHOLD
        async with running(nats_url, tmp_path, log, mailbox, pause=0.02) as notify:
            observed = [state(notify)]
            while set(notify.states()) != {"sent", "failed"}:
                observed.append(state(notify))
                await asyncio.sleep(0.005)
    assert notify.states().count("failed") == THRESHOLD
    assert set(observed) == {0}
