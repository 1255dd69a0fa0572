"""Receipts: who has a message and since when, in a real SQLite file."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from services.persistence.queries import Queries
from shared.commands import (
    AddMembers,
    AdvanceReceipt,
    ClearConversation,
    Command,
    CreateGroup,
    DeleteMessage,
    RemoveMember,
    Stored,
    StoreMessage,
)
from shared.errors import Forbidden, NotFound
from tests.unit.persistence.log import Log, message
from tests.unit.persistence.reads import Page, fails, receipts

LATER = 2**53 - 1


class Told:
    """A log with a group `g`, in the words of these tests."""

    def __init__(self, log: Log) -> None:
        self.log = log

    async def run(self, *told: Command) -> list[Any]:
        await asyncio.sleep(1e-5)  # the next transaction has a time of its own
        return await self.log.run(*told)

    async def say(self, by: str, content: str) -> int:
        [stored] = await self.run(
            StoreMessage(
                user_id=by,
                connection_id="",
                client_id=content,
                conversation_id="g",
                content=content,
            )
        )
        assert isinstance(stored, Stored)
        return stored.message_id

    async def has(self, by: str, read: int = 0, delivered: int = 0) -> None:
        await self.run(moved(by, read, delivered))


def moved(by: str, read: int = 0, delivered: int = 0) -> AdvanceReceipt:
    return AdvanceReceipt(
        user_id=by, connection_id="", conversation_id="g", read_seq=read, delivered_seq=delivered
    )


def sql(database: Path, text: str, values: Sequence[Any] = ()) -> list[Any]:
    with closing(sqlite3.connect(database)) as other, other:
        found = other.execute(text, values).fetchall()
    return found


def shown(page: Page) -> dict[str, tuple[bool, bool]]:
    return {one["user_id"]: (one["delivered"], one["read"]) for one in page["receipts"]}


def times(page: Page, user_id: str) -> tuple[str | None, str | None]:
    [one] = [one for one in page["receipts"] if one["user_id"] == user_id]
    return one["delivered_at"], one["read_at"]


@pytest.fixture
async def team(log: Log) -> Told:
    """Alice, Bob and Carol in a group; Dave stands by."""
    await log.people("alice", "bob", "carol", "dave")
    members = ["bob", "carol"]
    await log.run(CreateGroup(user_id="alice", conversation_id="g", title="T", members=members))
    return Told(log)


async def test_s65_a_mark_that_passed_a_message_has_it(team: Told, queries: Queries) -> None:
    first, second = await team.say("alice", "1"), await team.say("alice", "2")
    await team.has("bob", delivered=2)
    await team.has("bob", read=1)
    page = await receipts(queries, "alice", first)
    assert shown(page) == {"bob": (True, True), "carol": (False, False)}
    assert (page["member_count"], page["delivered_count"], page["read_count"]) == (2, 1, 1)
    assert (page["message_id"], page["conversation_id"], page["seq"]) == (first, "g", 1)
    assert page["epoch"] == team.log.store.epoch
    assert page["receipts"][0]["name"] == "Bob"
    page = await receipts(queries, "alice", second)
    assert shown(page) == {"bob": (True, False), "carol": (False, False)}
    assert times(page, "carol") == (None, None)


async def test_s65_the_time_is_when_the_mark_got_there(
    team: Told, queries: Queries, database: Path
) -> None:
    """Not when it last moved, and not when the other one did."""
    first, second = await team.say("alice", "1"), await team.say("alice", "2")
    for mark in ({"delivered": 1}, {"read": 1}, {"delivered": 2}, {"read": 2}):
        await team.has("bob", **mark)
    moments = sql(
        database,
        "SELECT strftime('%Y-%m-%dT%H:%M:%S', created_at / 1000000, 'unixepoch')"
        " || printf('.%06dZ', created_at % 1000000)"
        " FROM feed WHERE kind = 'receipt' AND user_id = 'bob' ORDER BY n",
    )
    at = [moment.replace(".000000", "") for (moment,) in moments]
    assert len(set(at)) == 4
    assert times(await receipts(queries, "alice", first), "bob") == (at[0], at[1])
    assert times(await receipts(queries, "alice", second), "bob") == (at[2], at[3])


async def test_marks_stand_in_the_readers_own_receipt_alone(team: Told, database: Path) -> None:
    """A mark is written only where it moved: the feed grows by nothing else."""
    await team.say("alice", "1")
    await team.has("bob", delivered=1)
    await team.has("bob", read=1)
    await team.run(moved("carol", delivered=1), moved("carol", read=1))
    found = sql(
        database,
        "SELECT user_id, delivered_seq, read_seq FROM feed"
        " WHERE delivered_seq IS NOT NULL OR read_seq IS NOT NULL ORDER BY n",
    )
    assert found == [("bob", 1, None), ("bob", None, 1), ("carol", 1, 1)]


async def test_only_who_was_there_is_listed(team: Told, queries: Queries) -> None:
    """A member who joined later never got the message; one who has left is not shown any more."""
    before = await team.say("alice", "before")
    await team.run(AddMembers(user_id="alice", conversation_id="g", members=["dave"]))
    after = await team.say("alice", "after")
    assert shown(await receipts(queries, "alice", before)).keys() == {"bob", "carol"}
    assert shown(await receipts(queries, "alice", after)).keys() == {"bob", "carol", "dave"}
    await team.run(RemoveMember(user_id="alice", conversation_id="g", member_id="bob"))
    page = await receipts(queries, "alice", before)
    assert (list(shown(page)), page["member_count"]) == (["carol"], 1)
    await team.run(AddMembers(user_id="alice", conversation_id="g", members=["bob"]))
    assert list(shown(await receipts(queries, "alice", before))) == ["carol"]


async def test_c9_only_the_sender_asks_and_for_others_it_is_not_there(
    team: Told, queries: Queries
) -> None:
    said = await team.say("alice", "1")
    refused = await fails(receipts(queries, "bob", said))
    assert isinstance(refused, Forbidden)
    assert refused.message == "Only the sender of the message may do this"
    absent = await fails(receipts(queries, "dave", LATER))
    for user_id in ("dave", "nobody"):
        assert repr(await fails(receipts(queries, user_id, said))) == repr(absent)
    assert isinstance(absent, NotFound)


@pytest.mark.parametrize("how", ["hidden", "cleared", "left"])
async def test_d18_what_the_sender_no_longer_sees_is_not_found(
    team: Told, queries: Queries, how: str
) -> None:
    said = await team.say("bob", "1")
    match how:
        case "hidden":
            await team.run(DeleteMessage(user_id="bob", message_id=said, mode="me"))
        case "cleared":
            await team.run(ClearConversation(user_id="bob", conversation_id="g"))
        case "left":
            await team.run(RemoveMember(user_id="bob", conversation_id="g", member_id="bob"))
    assert isinstance(await fails(receipts(queries, "bob", said)), NotFound)


async def test_a_tombstone_still_has_receipts(team: Told, queries: Queries) -> None:
    said = await team.say("alice", "1")
    await team.has("bob", read=1)
    before = await receipts(queries, "alice", said)
    await team.run(DeleteMessage(user_id="alice", message_id=said, mode="everyone"))
    assert (await receipts(queries, "alice", said))["receipts"] == before["receipts"]


async def test_a_direct_message_has_one_and_a_note_to_oneself_none(
    team: Told, queries: Queries
) -> None:
    [stored] = await team.run(message("alice", "bob", "hi"))
    assert shown(await receipts(queries, "alice", stored.message_id)) == {"bob": (False, False)}
    [stored] = await team.run(message("alice", "alice", "note"))
    page = await receipts(queries, "alice", stored.message_id)
    assert (page["receipts"], page["next"], page["member_count"]) == ([], None, 0)


async def test_pages_of_receipts_meet_without_gap(log: Log, queries: Queries) -> None:
    names = [f"u{number:03}" for number in range(70)]
    await log.people("alice", *names)
    await log.run(CreateGroup(user_id="alice", conversation_id="g", title="T", members=names))
    told = Told(log)
    said = await told.say("alice", "to all")
    await told.has("u050", read=1)
    found: list[str] = []
    after = ""
    while True:
        page = await receipts(queries, "alice", said, limit=30, after=after)
        assert (page["member_count"], page["delivered_count"], page["read_count"]) == (70, 1, 1)
        found += shown(page)
        if page["next"] is None:
            break
        after = page["next"]
    assert found == names


# ------------------------------------------------------------------ what is no longer known


async def test_s50_what_was_pruned_is_null_and_no_later_moment(
    team: Told, queries: Queries, database: Path
) -> None:
    """The next move of the mark is not when it got there."""
    first, second = await team.say("alice", "1"), await team.say("alice", "2")
    await team.has("bob", read=1)
    sql(database, "DELETE FROM feed")
    await team.has("bob", read=2)
    page = await receipts(queries, "alice", first)
    assert (shown(page)["bob"], times(page, "bob")) == ((True, True), (None, None))
    assert times(await receipts(queries, "alice", second), "bob") == (None, None)
    third = await team.say("alice", "3")
    await team.has("bob", read=3)
    assert None not in times(await receipts(queries, "alice", third), "bob")


async def test_a_lower_mark_that_is_kept_proves_the_next_one(
    team: Told, queries: Queries, database: Path
) -> None:
    """The message's own rows are gone; the mark's, before and at it, are there."""
    await team.say("alice", "1")
    second = await team.say("alice", "2")
    sql(database, "DELETE FROM feed")
    await team.has("bob", read=1)
    await team.has("bob", read=2)
    assert None not in times(await receipts(queries, "alice", second), "bob")


async def test_what_an_older_release_stored_has_no_times_of_later_moves(
    team: Told, queries: Queries, database: Path
) -> None:
    said = await team.say("alice", "1")
    await team.has("bob", delivered=1)
    sql(database, "UPDATE messages SET accepted_at = NULL")
    sql(database, "UPDATE feed SET delivered_seq = NULL, read_seq = NULL")
    await team.say("alice", "2")
    await team.has("bob", read=2)
    page = await receipts(queries, "alice", said)
    assert (shown(page)["bob"], times(page, "bob")) == ((True, True), (None, None))


async def test_d26_the_price_does_not_grow_with_what_was_marked(
    team: Told, queries: Queries
) -> None:
    """Steps of SQLite's machine, so that the clock has no say."""
    first = await team.say("alice", "first")
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def watch(connection: sqlite3.Connection) -> None:
        connection.set_progress_handler(count, 1)

    await queries._held.run(watch)  # noqa: SLF001 - to count what it does
    await team.has("bob", read=1)
    await receipts(queries, "alice", first)
    few, steps = steps, 0
    for number in range(2, 300):
        await team.say("alice", f"m{number}")
        await team.has("bob", read=number)
    newest = await team.say("alice", "newest")
    await team.has("bob", read=300)
    for said in (first, newest):
        steps = 0
        await receipts(queries, "alice", said)
        assert steps < 1.5 * few
