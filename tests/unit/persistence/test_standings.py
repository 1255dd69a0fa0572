"""Whose tokens are refused: bans, disconnected users and single tokens."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.persistence.announce import announce
from services.persistence.decide.batch import decide
from services.persistence.decide.standings import MOST_REVOKED, good_at
from services.persistence.decide.state import Head, Limits, State
from services.persistence.queries import Queries
from shared import commands, subjects
from shared.commands import (
    GOOD,
    Batch,
    Command,
    Disconnect,
    Heads,
    HeadsAnswer,
    Refused,
    RevokeToken,
    SetBan,
    Standing,
    Stands,
    Unread,
)
from tests.unit.gateway.fakes import FakeBus
from tests.unit.persistence.log import Log
from tests.unit.persistence.reads import joins, marks

NOW = 3_600_000_000
LATER = NOW + 1
BAN, LIFT = (SetBan(user_id="alice", banned=banned) for banned in (True, False))
OUT = Disconnect(user_id="alice")


def revoke(token_id: str, expires_at: int = LATER) -> Command:
    return RevokeToken(user_id="alice", token_id=token_id, expires_at=expires_at)


@pytest.fixture
def seen() -> State:
    heads = {"alice": Head()}
    return State(now=NOW, hash_key=b"key", limits=Limits(20, 0.0), heads=heads)


def after(seen: State, *told: Command) -> Standing:
    seen.fences.clear()
    decide(seen, [Batch(lane="l", number=1, commands=list(told))])
    return seen.standings.get("alice", GOOD)


def test_a_ban_ends_and_leaves_what_was_revoked(seen: State) -> None:
    assert after(seen, BAN) == Standing(banned=True)
    assert after(seen, OUT, revoke("t")) == Standing(True, NOW, {"t": LATER})
    assert after(seen, LIFT, LIFT) == Standing(False, NOW, {"t": LATER})


def test_a_clock_that_is_set_back_makes_no_token_good_again(seen: State) -> None:
    after(seen, OUT)
    seen.now = NOW - 10
    assert after(seen, OUT).valid_after == NOW


@pytest.mark.parametrize(
    "told", [SetBan(user_id="nobody", banned=True), Disconnect(user_id="nobody")]
)
def test_nobody_is_banned_who_is_not_there(seen: State, told: Command) -> None:
    [reply] = decide(seen, [Batch(lane="l", number=1, commands=[told])]).replies
    assert isinstance(reply, commands.Results)
    [refused] = reply.results
    assert isinstance(refused, Refused)
    assert refused.code == "not_found"


def test_a_token_is_revoked_until_it_expires(seen: State) -> None:
    assert after(seen, revoke("t"), revoke("old", NOW)) == Standing(revoked={"t": LATER})
    seen.now = LATER
    assert after(seen, revoke("u", LATER + 1)).revoked == {"u": LATER + 1}


def test_of_too_many_tokens_all_are_revoked(seen: State) -> None:
    full = after(seen, *(revoke(f"t{n}") for n in range(MOST_REVOKED)))
    assert (len(full.revoked), full.valid_after) == (MOST_REVOKED, 0)
    over = after(seen, revoke("last"))
    assert (len(over.revoked), over.valid_after) == (MOST_REVOKED, NOW)
    assert "last" in over.revoked
    assert "t0" not in over.revoked


@pytest.mark.parametrize(
    ("standing", "issued_at", "refused"),
    [
        (GOOD, 0, False),
        (Standing(banned=True), NOW, True),
        (Standing(valid_after=NOW), 0, True),  # it does not say when
        (Standing(valid_after=NOW), NOW - 1, True),
        (Standing(valid_after=NOW), NOW, True),
        (Standing(valid_after=NOW), NOW + 1, False),
        (Standing(revoked={"mine": LATER}), NOW, True),
        (Standing(revoked={"other": LATER}), 0, False),
    ],
)
def test_what_a_standing_refuses(standing: Standing, issued_at: int, refused: bool) -> None:
    assert standing.refuses(issued_at, "mine") == refused


def test_when_a_standing_is_good_again() -> None:
    assert good_at(Standing(revoked={"a": 3, "b": 5})) == 5
    assert good_at(GOOD) == 0
    assert good_at(Standing(banned=True)) is None
    assert good_at(Standing(valid_after=1, revoked={"a": 3})) is None


async def test_a_join_and_a_comparison_tell_the_standing(log: Log, queries: Queries) -> None:
    await log.people("alice", "bob")
    assert [one.standing for one in await joins(queries, "alice", "nobody")] == [None, None]
    [standing] = await log.run(BAN)
    assert [one.standing for one in await joins(queries, "bob", "alice")] == [None, standing]
    asked = Heads(user_ids=["alice", "bob", "nobody"])
    answer = commands.decode(await queries.answer(asked), HeadsAnswer)
    assert answer.heads.keys() == {"alice", "bob"}
    assert answer.standings == {"alice": Standing(banned=True)}


async def test_who_is_banned_is_sent_nothing_about_messages(log: Log, queries: Queries) -> None:
    await log.people("alice", "bob")
    [told] = await log.say("bob", "alice", "hello")
    assert isinstance(told, commands.Stored)
    asked = Unread(user_id="alice", conversation_id=told.conversation_id)
    unread = []
    for change in (OUT, BAN, LIFT):
        await log.run(change)
        [row] = (await marks(queries, asked)).rows
        unread.append(row and row.unread)
    assert unread == [1, None, 1]


async def test_who_never_connected_can_log_out(log: Log, queries: Queries) -> None:
    [standing] = await log.run(revoke("t", 2**53 - 1))
    assert [one.standing for one in await joins(queries, "alice")] == [standing]


async def test_what_has_expired_is_forgotten(log: Log, database: Path) -> None:
    await log.people("alice", "bob")
    await log.run(revoke("t", 2**53 - 1))
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("UPDATE standings SET good_at = 1")
    await log.run(SetBan(user_id="bob", banned=True))
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("SELECT user_id FROM standings").fetchall() == [("bob",)]


async def test_each_change_is_told_to_every_gateway(seen: State) -> None:
    bus = FakeBus()
    decision = decide(seen, [Batch(lane="l", number=1, commands=[BAN])])
    await announce(bus, "e1", decision)  # type: ignore[arg-type]
    [(subject, payload)] = bus.published
    assert subject == subjects.STANDING
    told = commands.decode(payload, Stands)
    assert told == Stands(user_id="alice", standing=Standing(banned=True))
