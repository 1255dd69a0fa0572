"""Tickets: who gets in with one, once, and for how long."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.persistence.decide.batch import decide
from services.persistence.decide.state import Limits, State
from services.persistence.decide.tickets import LIFE
from services.persistence.store.statements import FORGET_TICKETS, PUT_TICKET
from shared.commands import (
    Batch,
    Command,
    IssueTicket,
    Refused,
    Result,
    Results,
    Taken,
    TakeTicket,
    Ticketed,
)
from tests.unit.persistence.conftest import opened
from tests.unit.persistence.log import Log

NOW = 3_600_000_000
LATER = NOW + 100 * LIFE
FAR = 2**53 - 1


def issue(ticket: str = "h1", user_id: str = "alice", until: int = LATER) -> Command:
    return IssueTicket(user_id=user_id, ticket_hash=ticket, token_expires_at=until)


def take(ticket: str = "h1") -> Command:
    return TakeTicket(user_id="", ticket_hash=ticket)


def run(seen: State, *told: Command) -> list[Result]:
    seen.fences.clear()
    [reply] = decide(seen, [Batch(lane="lane", number=1, commands=list(told))]).replies
    assert isinstance(reply, Results)
    return reply.results


def code(result: Result) -> str:
    return result.code if isinstance(result, Refused) else "ok"


@pytest.fixture
def seen() -> State:
    return State(now=NOW, hash_key=b"key", limits=Limits(20, 0.0))


def test_c9_a_ticket_is_its_buyers_and_good_once(seen: State) -> None:
    bought, taken, again = run(seen, issue(), take(), take())
    assert bought == Ticketed(NOW + LIFE)
    assert taken == Taken("alice", LATER)
    assert code(again) == "unauthorized"


def test_c9_a_ticket_is_good_for_thirty_seconds(seen: State) -> None:
    run(seen, issue(), issue("h2"))
    seen.now = NOW + LIFE - 1
    assert run(seen, take()) == [Taken("alice", LATER)]
    seen.now = NOW + LIFE
    assert [code(result) for result in run(seen, take("h2"))] == ["unauthorized"]


def test_c9_a_ticket_is_never_good_for_longer_than_the_token(seen: State) -> None:
    assert run(seen, issue(until=NOW + 5)) == [Ticketed(NOW + 5)]
    seen.now = NOW + 5
    assert [code(result) for result in run(seen, take())] == ["unauthorized"]


def test_c9_a_ticket_is_worth_nothing_for_another(seen: State) -> None:
    run(seen, issue("of-alice"), issue("of-eve", "eve"))
    assert run(seen, take("of-eve"), take("of-alice")) == [
        Taken("eve", LATER),
        Taken("alice", LATER),
    ]
    assert [code(result) for result in run(seen, take("of-bob"))] == ["unauthorized"]


async def test_c9_a_ticket_outlives_a_restart_and_its_use_does_too(
    database: Path, log: Log
) -> None:
    await log.run(issue(until=FAR), issue("h2", until=FAR))
    assert await log.run(take()) == [Taken("alice", FAR)]
    async with opened(database) as log.store:
        used, other = await log.run(take(), take("h2"))
    assert (code(used), other) == ("unauthorized", Taken("alice", FAR))


async def test_what_nobody_came_with_is_forgotten_by_the_next(database: Path, log: Log) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.executemany(
            PUT_TICKET, [(f"old-{number}", "bob", 1, 1, 0, "") for number in range(15)]
        )
        for left in (6, 2, 3):  # ten go with each that comes; the good ones stay
            await log.run(issue(f"new-{left}", until=FAR))
            [(count,)] = other.execute("SELECT count(*) FROM tickets")
            assert count == left


def test_forgetting_reads_no_more_than_it_takes(database: Path) -> None:
    with closing(sqlite3.connect(database)) as other, other:
        plan = str(other.execute(f"EXPLAIN QUERY PLAN {FORGET_TICKETS}", (1,)).fetchall())
    assert "SCAN" not in plan, plan
