"""The steps of a message's notifications, asked of notify over the bus."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from services.gateway.upstream import queries
from services.gateway.upstream.gathering import Backlog
from services.gateway.upstream.queries import Log
from services.notify.ladder.delivery import Outcome
from services.notify.migrate import upgrade
from services.notify.store import rows as statements
from services.notify.store.store import Progress, open_store
from shared import bus, commands, subjects
from shared.clock import SECOND
from shared.commands import LogRow, NotificationStep, NotificationSteps
from shared.errors import LinkupError
from shared.health.counters import Counters
from shared.http.turns import Turns
from tests.integration.notify_support import (
    WAITS,
    FakeLog,
    fake_log,
    notify,
    settle,
    smtp_server,
    states,
    to_mailbox,
)
from tests.support.waiting import eventually, within

DIRECT = subjects.direct_conversation_id("ann", "bob")
PRIVATE = "bob@example.com"


@pytest.fixture
async def log(nats_url: str) -> AsyncIterator[FakeLog]:
    async with fake_log(nats_url) as log:
        log.know("ann")
        log.know("bob", email=PRIVATE)
        yield log


@pytest.fixture
async def wire(nats_url: str) -> AsyncIterator[bus.Bus]:
    async with bus.connect(nats_url, "gateway") as wire:
        yield wire


def asked(seq: int, *user_ids: str) -> NotificationSteps:
    names = list(user_ids or ("bob",))
    return NotificationSteps(conversation_id=DIRECT, seq=seq, user_ids=names)


async def notices(wire: bus.Bus, question: NotificationSteps) -> list[NotificationStep] | None:
    return await Log(wire, Backlog(1, Counters()), Turns()).notices(question)


async def one(wire: bus.Bus, seq: int) -> NotificationStep | None:
    """Bob's, once notify answers."""
    found = await notices(wire, asked(seq))
    return found[0] if found else None


async def until(wire: bus.Bus, seq: int, outcome: str) -> NotificationStep:
    async def reached() -> bool:
        step = await one(wire, seq)
        return step is not None and step.outcome == outcome

    await eventually(reached)
    step = await one(wire, seq)
    assert step is not None
    return step


async def test_s51_a_message_waits_and_then_is_sent(
    nats_url: str, log: FakeLog, wire: bus.Bus, tmp_path: Path
) -> None:
    async with notify(nats_url, tmp_path, notify_email_after=3600.0):
        await log.send("ann", "bob")
        step = await until(wire, 1, "waiting")
        assert (step.user_id, step.channel, step.at) == ("bob", "email", None)
        assert step.due_at is not None
        await log.mark_read("bob", "ann", 1)
        step = await until(wire, 1, "cancelled")
        assert (step.reason, step.due_at) == ("read", None)
        assert step.at is not None
        assert await notices(wire, asked(1, "ann")) == []
        assert await notices(wire, asked(2)) == []


async def test_s51_a_failed_email_says_so_and_no_address(
    nats_url: str, log: FakeLog, wire: bus.Bus, tmp_path: Path
) -> None:
    async with smtp_server() as mailbox:
        mailbox.script["rcpt"] = [f"550 no such user {PRIVATE}"]
        async with notify(nats_url, tmp_path, **to_mailbox(mailbox)) as service:
            await log.send("ann", "bob")
            step = await until(wire, 1, "failed")
            assert step.reason == "smtp_550"
            await log.send("ann", "bob")
            await service.until_states("failed", "sent")
            assert (await until(wire, 2, "sent")).reason == ""
            assert (await until(wire, 1, "failed")) == step
            payload = commands.encode(asked(1))
            reply = await wire.request(subjects.notify("steps"), payload, 5)
    assert PRIVATE.encode() not in reply


async def test_a_merged_notification_is_told_as_the_one_that_took_it_in(tmp_path: Path) -> None:
    """The first was refused for now while the second waited."""
    now = 1_700_000_000 * SECOND
    async with open_store(f"sqlite:///{tmp_path / 'notify.db'}") as store:
        for n in (1, 2):
            row = LogRow("w", n, "bob", "message", DIRECT, n, n, "ann", now)
            await store.follow(Progress("e1", {"w": n}), [row], now, WAITS)
            if n == 1:
                [held] = await store.claim("email", now, 1)
        outcome = Outcome("postponed", "smtp_451")
        await settle(store, held, outcome, now)
        assert sorted(states(tmp_path / "notify.db")) == ["cancelled", "waiting"]
        for seq in (1, 2):
            [group] = await store.of_message(DIRECT, seq, ["bob"])
            assert (group.state, group.first_seq, group.last_seq) == ("waiting", 1, 2)


async def test_what_was_read_before_the_rest_is_in_no_notification(tmp_path: Path) -> None:
    now = 1_700_000_000 * SECOND
    both = [LogRow("w", n, "bob", "message", DIRECT, n, n, "ann", now) for n in (1, 2)]
    read = LogRow("w", 3, "bob", "receipt", DIRECT, 0, 1, "bob", now)
    async with open_store(f"sqlite:///{tmp_path / 'notify.db'}") as store:
        await store.follow(Progress("e1", {"w": 2}), both, now, WAITS)
        assert len(await store.of_message(DIRECT, 1, ["bob"])) == 1
        await store.follow(Progress("e1", {"w": 3}), [read], now, WAITS)
        assert await store.of_message(DIRECT, 1, ["bob"]) == []
        [group] = await store.of_message(DIRECT, 2, ["bob"])
        assert group.state == "waiting"


async def test_s51_without_notify_there_is_no_answer_and_no_wait(
    wire: bus.Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "NOTIFY_TIMEOUT", 1000.0)
    async with within(20):
        assert await notices(wire, asked(1)) is None
        assert await notices(wire, asked(1, *[])) is None


async def test_nonsense_is_refused_and_the_next_question_answered(
    nats_url: str, log: FakeLog, wire: bus.Bus, tmp_path: Path
) -> None:
    async with notify(nats_url, tmp_path, notify_email_after=3600.0):
        await log.send("ann", "bob")
        await until(wire, 1, "waiting")
        for name, payload in (("steps", b"\xc1"), ("else", commands.encode(asked(1)))):
            reply = await wire.request(subjects.notify(name), payload, 5)
            with pytest.raises(LinkupError):
                commands.open_answer(reply, commands.NotificationStepsAnswer)
        assert await one(wire, 1) is not None


def test_d3_the_question_walks_no_history(tmp_path: Path) -> None:
    """SQLite's own plan: two steps down an index for each user."""
    file = tmp_path / "notify.db"
    upgrade(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as other:
        plan = other.execute(
            f"EXPLAIN QUERY PLAN {statements.LOAD_OF_MESSAGE}",
            {"user_ids": "[]", "thread": "d", "seq": 1},
        ).fetchall()
    found = [step for *_, step in plan]
    assert any("deliveries_by_message" in step and "last_seq>?" in step for step in found), found
    assert not any(
        (step.startswith("SCAN") and "VIRTUAL TABLE" not in step) or "TEMP B-TREE" in step
        for step in found
    ), found
