"""The timeline of a message, from a real SQLite file."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from services.persistence.queries import Queries
from shared.commands import (
    AdvanceReceipt,
    CreateGroup,
    DeleteMessage,
    EditMessage,
    Refused,
    Stored,
    StoreMessage,
)
from shared.errors import Forbidden, NotFound
from shared.frames import MAX_NAMED
from tests.unit.persistence.log import Log, message
from tests.unit.persistence.reads import fails, timeline

HOUR = 3_600_000_000


async def send(log: Log, told: StoreMessage) -> Stored:
    [stored] = await log.run(told)
    assert isinstance(stored, Stored)
    return stored


async def moments(queries: Queries, message_id: int) -> dict[str, int | None]:
    return {one.step: one.at for one in (await timeline(queries, "alice", message_id)).steps}


@pytest.fixture
async def pair(log: Log) -> Log:
    await log.people("alice", "bob", "carol")
    return log


async def test_s55_a_message_shows_each_step_it_has_taken(pair: Log, queries: Queries) -> None:
    taken_at = time.time_ns() // 1000
    told = replace(message("alice", "bob", "hi"), accepted_at=taken_at)
    stored = await send(pair, told)
    answer = await timeline(queries, "alice", stored.message_id)
    assert {one.step: one.at for one in answer.steps} == {
        "accepted": taken_at,
        "committed": stored.created_at,
    }
    assert (answer.client_id, answer.seq, answer.user_ids) == ("alice-hi", 1, ["bob"])
    await pair.read("bob", "alice", 0, delivered=1)
    await pair.read("bob", "alice", 1)
    await pair.run(EditMessage(user_id="alice", message_id=stored.message_id, content="ho"))
    await pair.run(DeleteMessage(user_id="alice", message_id=stored.message_id, mode="everyone"))
    at = await moments(queries, stored.message_id)
    steps = ["accepted", "committed", "delivered", "read", "edited", "deleted"]
    assert sorted(at, key=lambda step: at[step] or 0) == steps
    answer = await timeline(queries, "alice", stored.message_id)
    assert [one.user_id for one in answer.steps if one.user_id] == ["bob", "bob"]
    assert (answer.member_count, answer.delivered_count, answer.read_count) == (1, 1, 1)


@pytest.mark.parametrize(("ahead", "told"), [(HOUR, False), (-HOUR, True)])
async def test_a_gateways_clock_that_is_ahead_accepts_nothing_after_the_commit(
    pair: Log, queries: Queries, ahead: int, told: bool
) -> None:
    said = time.time_ns() // 1000 + ahead
    stored = await send(pair, replace(message("alice", "bob", "hi"), accepted_at=said))
    accepted_at = (await moments(queries, stored.message_id))["accepted"]
    assert accepted_at == (said if told else stored.created_at)


async def test_without_a_word_of_the_gateway_it_is_the_commit(pair: Log, queries: Queries) -> None:
    stored = await send(pair, message("alice", "bob", "hi"))
    assert (await moments(queries, stored.message_id))["accepted"] == stored.created_at


async def test_what_an_older_release_stored_was_accepted_at_no_known_time(
    pair: Log, queries: Queries, database: Path
) -> None:
    stored = await send(pair, message("alice", "bob", "hi"))
    with closing(sqlite3.connect(database)) as other, other:
        other.execute("UPDATE messages SET accepted_at = NULL")
    assert (await moments(queries, stored.message_id))["accepted"] is None


async def test_c3_a_repeat_that_was_accepted_later_is_the_same_message(
    pair: Log, queries: Queries
) -> None:
    told = replace(message("alice", "bob", "hi"), accepted_at=7)
    first = await send(pair, told)
    again = await send(pair, replace(told, accepted_at=8))
    assert (again.message_id, again.duplicate) == (first.message_id, True)
    assert (await moments(queries, first.message_id))["accepted"] == 7
    [other] = await pair.run(replace(told, content="else", accepted_at=7))
    assert isinstance(other, Refused)


async def test_of_a_large_group_the_first_are_named_and_all_are_counted(
    pair: Log, queries: Queries
) -> None:
    names = [f"u{number:03}" for number in range(40)]
    await pair.people(*names)
    await pair.run(CreateGroup(user_id="alice", conversation_id="g", title="T", members=names))
    told = replace(message("alice", "x", "hi"), conversation_id="g", to=None)
    stored = await send(pair, told)
    await pair.run(
        *[
            AdvanceReceipt(user_id=name, connection_id="", conversation_id="g", read_seq=1)
            for name in names
        ]
    )
    answer = await timeline(queries, "alice", stored.message_id)
    assert answer.user_ids == names[:MAX_NAMED]
    assert [one.user_id for one in answer.steps if one.step == "read"] == names[:MAX_NAMED]
    assert (answer.member_count, answer.delivered_count, answer.read_count) == (40, 40, 40)


async def test_c9_a_timeline_is_for_the_sender_alone(pair: Log, queries: Queries) -> None:
    stored = await send(pair, message("alice", "bob", "hi"))
    assert isinstance(await fails(timeline(queries, "bob", stored.message_id)), Forbidden)
    refused = await fails(timeline(queries, "carol", stored.message_id))
    absent = await fails(timeline(queries, "carol", 2**53 - 1))
    assert repr(refused) == repr(absent)
    assert isinstance(absent, NotFound)
