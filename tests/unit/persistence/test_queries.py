"""The feed, the followers' log, the marks and the members, on a real SQLite file."""

import re
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar, get_args

import msgspec
import pytest
from msgspec.structs import replace

from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection
from shared import commands
from shared.commands import (
    FeedFrom,
    Heads,
    HeadsAnswer,
    Joined,
    LogPage,
    LogPageAnswer,
    Members,
    MembersAnswer,
    Profile,
    PutUser,
    Refused,
    Unread,
)
from shared.errors import NotFound
from shared.sqlite.held import Held
from shared.subjects import direct_conversation_id
from tests.unit.persistence.log import Log
from tests.unit.persistence.reads import (
    AB,
    MAX_PAYLOAD,
    contents,
    fails,
    feed,
    feeds,
    history,
    inbox,
    joins,
    marks,
    receipts,
)

T = TypeVar("T")


async def test_idor_members_are_for_members_and_nothing_is_told_of_the_rest(
    talk: Log, queries: Queries
) -> None:
    answer = await queries.answer(Members(user_id="bob", conversation_id=AB))
    assert sorted(commands.open_answer(answer, MembersAnswer).user_ids) == ["alice", "bob"]
    refusals = [
        await fails(queries.answer(Members(user_id="carol", conversation_id=x)))
        for x in (AB, "no-such-conversation")
    ]
    assert [(e.code, e.message) for e in refusals] == [("not_found", refusals[0].message)] * 2


# ------------------------------------------------------------------ one trip


class Counted(Held):
    """A reader that counts how often the driver's thread is used."""

    trips = 0

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self.trips += 1
        return await super().run(work)


async def test_a_read_is_one_trip_to_the_drivers_thread(talk: Log, database: Path) -> None:
    held = Counted(f"sqlite:///{database}", ReaderConnection)
    queries = Queries(held, talk.store.epoch)
    reads: list[Awaitable[object]] = [
        history(queries, "alice", before_id=5),
        inbox(queries),
        feed(queries, "alice", 0),
        joins(queries, "alice", "bob"),
        marks(queries, Unread(user_id="alice", conversation_id=AB)),
        receipts(queries, "alice", 1),
    ]
    try:
        for number, read in enumerate(reads, start=1):
            await read
            assert held.trips == number
    finally:
        await held.close()


# ------------------------------------------------------------------ feed, heads, join


async def test_c5_the_feed_is_a_contiguous_range(talk: Log, queries: Queries) -> None:
    await talk.read("bob", "alice", 4)
    cursors: list[int] = []
    while True:
        page = await feed(queries, "alice", len(cursors), limit=3)
        if not page.events:
            break
        cursors += [event.cursor for event in page.events]
    assert cursors == list(range(1, 11))
    assert page.head == 10
    last = (await feed(queries, "alice", 9)).events[0]
    receipt = msgspec.json.decode(last.body)
    assert (receipt["type"], receipt["user_id"], receipt["read_seq"]) == ("receipt", "bob", 4)
    assert last.seq == 0


async def test_r7_what_is_gone_leaves_a_placeholder_in_the_feed(
    talk: Log, queries: Queries, database: Path
) -> None:
    await talk.read("bob", "alice", 4)
    with closing(sqlite3.connect(database)) as erasing, erasing:
        erasing.execute("DELETE FROM messages WHERE message_id = 3")
        erasing.execute("DELETE FROM members WHERE user_id = 'bob'")
    events = (await feed(queries, "alice", 0)).events
    assert [event.cursor for event in events] == list(range(1, 11))
    assert [event.cursor for event in events if not event.body] == [3, 10]
    assert [event.seq for event in events if not event.body] == [0, 0]


async def test_r18_a_feed_page_fits_the_bus(log: Log, queries: Queries) -> None:
    await log.people("alice", "bob")
    await log.say("alice", "bob", *[f"{n:0>4}" + "\x01" * 4996 for n in range(40)])
    page = await feed(queries, "bob", 0)
    assert 0 < len(page.events) < 40
    assert len(commands.encode(page)) < MAX_PAYLOAD
    assert page.head == 40


async def test_join_tells_where_the_feed_stands_and_who_it_is(talk: Log, queries: Queries) -> None:
    joined, nobody = await joins(queries, "bob", "nobody")
    assert (joined.epoch, joined.head) == (talk.store.epoch, 9)
    assert joined.profile is not None
    assert joined.profile.name == "Bob"
    assert nobody == Joined(epoch=talk.store.epoch, head=0, profile=None)


async def test_f_s1_where_many_stand_is_one_question(talk: Log, queries: Queries) -> None:
    """In the order asked, as many as the bus carries; who is asked for twice is told twice."""
    big = "x" * 1024
    said = {"name": big, "email": big, "avatar": big}
    await talk.run(*[PutUser(user_id=f"u{number}", **said) for number in range(300)])
    asked = ["bob", "bob", *(f"u{number}" for number in range(300)), "alice"]
    joined = await joins(queries, *asked)
    assert 2 < len(joined) < len(asked)
    assert [one.profile.user_id for one in joined if one.profile] == asked[: len(joined)]
    assert [one.head for one in joined[:3]] == [9, 9, 0]


async def test_f_s1_a_page_of_many_feeds_is_one_question(talk: Log, queries: Queries) -> None:
    """Each as if it were asked for alone, and all of one snapshot."""
    asked = [
        FeedFrom("alice", 0),
        FeedFrom("bob", 3),
        FeedFrom("nobody", 0),
        FeedFrom("bob", 7, 1),
        FeedFrom("bob", 9),
    ]
    pages = await feeds(queries, *asked)
    assert [page.head for page in pages] == [9, 9, 0, 9, 9]
    assert [[event.cursor for event in page.events] for page in pages] == [
        list(range(1, 10)),
        list(range(4, 10)),
        [],
        [8],
        [],
    ]
    assert pages[0] == await feed(queries, "alice", 0)


async def test_f_s1_a_page_of_many_feeds_fits_the_bus(log: Log, queries: Queries) -> None:
    """Pages that do not fit are left out from the end, and never answered as empty."""
    await log.people("alice", "bob")
    await log.say("alice", "bob", *[f"{number} " + "x" * 4990 for number in range(60)])
    asked = [FeedFrom("alice", 0), FeedFrom("bob", 0, 50), FeedFrom("bob", 10)]
    pages = await feeds(queries, *asked, FeedFrom("carol", 0))
    assert len(pages) == 2
    assert len(pages[0].events) == 60
    assert 0 < len(pages[1].events) < 50
    assert pages[1].events[0].cursor == 1


@pytest.mark.parametrize("field", ["name", "email", "time_zone", "locale", "avatar"])
async def test_f_s6_an_empty_text_takes_away_what_was_known(
    log: Log, queries: Queries, field: str
) -> None:
    fields = {"name": "E", "email": "e@x.example", "time_zone": "UTC", "locale": "de"}
    whole = Profile(user_id="erin", avatar="/e", **fields)
    said = msgspec.convert({"user_id": "finn", field: ""}, PutUser)  # of whom nothing was known
    await log.run(said, msgspec.convert(msgspec.structs.asdict(whole), PutUser))
    await log.run(replace(said, user_id="erin"))
    for user_id, known in (("erin", whole), ("finn", Profile(user_id="finn"))):
        [joined] = await joins(queries, user_id)
        assert joined.profile == msgspec.convert(
            msgspec.structs.asdict(known) | {field: None}, Profile
        )


async def test_a_profile_keeps_what_a_later_token_does_not_say(log: Log, queries: Queries) -> None:
    await log.run(PutUser(user_id="erin", name="Erin", email="e@example.com"))
    await log.run(PutUser(user_id="erin", time_zone="Asia/Tokyo"))
    await log.run(PutUser(user_id="erin", name="E."))
    [joined] = await joins(queries, "erin")
    profile = joined.profile
    assert profile is not None
    assert (profile.name, profile.email, profile.time_zone) == ("E.", "e@example.com", "Asia/Tokyo")


async def test_heads_of_those_who_have_one(talk: Log, queries: Queries) -> None:
    asked = Heads(user_ids=["carol", "nobody", "alice", "alice"])
    answer = await queries.answer(asked)
    assert commands.open_answer(answer, HeadsAnswer).heads == {"alice": 9, "carol": 1}


async def test_r18_heads_are_bounded(queries: Queries, log: Log) -> None:
    await log.people(*[f"u{number}" for number in range(600)])
    asked = Heads(user_ids=[f"u{number}" for number in range(600)])
    answer = await queries.answer(asked)
    assert len(commands.open_answer(answer, HeadsAnswer).heads) == commands.MAX_HEADS


# ------------------------------------------------------------------ the followers' log, marks


async def test_a_follower_meets_every_message_once_whatever_the_page(
    talk: Log, queries: Queries
) -> None:
    await talk.read("bob", "alice", 4)
    for limit in (1, 2, 3, 7, 500):
        positions: dict[str, int] = {}
        rows: list[commands.LogRow] = []
        more = True
        while more:
            asked = LogPage(follower="test", positions=positions, limit=limit)
            answer = await queries.answer(asked)
            page = commands.open_answer(answer, LogPageAnswer)
            rows += page.rows
            positions, more = page.positions, page.more
        assert [row.n for row in rows] == sorted({row.n for row in rows})
        told = [(row.user_id, row.seq) for row in rows if row.kind == "message" and row.seq]
        sent_to = [("bob" if number % 2 else "alice", number) for number in range(1, 10)]
        assert told == [*sent_to, ("dave", 1)]
        assert [(row.user_id, row.seq) for row in rows if row.kind == "receipt"] == [("bob", 4)]


async def test_marks_count_and_preview_what_others_wrote(talk: Log, queries: Queries) -> None:
    await talk.read("bob", "alice", 2)
    asked = [
        Unread(user_id="bob", conversation_id=AB),
        Unread(user_id="carol", conversation_id=AB),
        Unread(user_id="alice", conversation_id=AB),
        Unread(user_id="bob", conversation_id="nowhere"),
    ]
    bob, carol, alice, nowhere = (await marks(queries, *asked, preview=2)).rows
    assert bob is not None
    assert alice is not None
    assert (carol, nowhere) == (None, None)
    assert (bob.read_seq, bob.last_seq, bob.unread, bob.senders) == (2, 9, 4, 1)
    assert [(p.content, p.sender_name) for p in bob.previews] == [("7", "Alice"), ("9", "Alice")]
    assert bob.profile.name == "Bob"
    assert (alice.read_seq, alice.unread) == (1, 4)


async def test_marks_of_notes_to_oneself_have_nothing_unread(log: Log, queries: Queries) -> None:
    await log.people("alice")
    await log.say("alice", "alice", "note")
    own = Unread(user_id="alice", conversation_id=direct_conversation_id("alice", "alice"))
    [row] = (await marks(queries, own)).rows
    assert row is not None
    assert (row.unread, row.previews) == (0, [])


@pytest.mark.parametrize("payload", [b"\xc1", b"", msgspec.msgpack.encode({"type": "drop"})])
def test_what_is_no_question_does_not_decode(payload: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        commands.decode_question(payload)


def test_each_question_has_a_subject_of_its_own() -> None:
    names = [kind.__struct_config__.tag for kind in get_args(commands.Question)]
    assert len(set(names)) == len(names)
    assert commands.name_of(Heads(user_ids=[])) == "heads"
    assert all(re.fullmatch("[a-z_]+", name) for name in names)


async def test_reading_changes_nothing(talk: Log, queries: Queries) -> None:
    before = await inbox(queries)
    await history(queries)
    await feed(queries, "alice", 0)
    assert await inbox(queries) == before


async def test_a_failed_query_ends_its_snapshot(talk: Log, queries: Queries) -> None:
    await fails(history(queries, "carol"))
    await talk.say("alice", "bob", "10")
    assert contents(await history(queries, limit=1)) == ["10"]


def test_a_refusal_carries_its_code_over_the_bus() -> None:
    payload = commands.refusal(NotFound("no"))
    with pytest.raises(NotFound, match="no"):
        commands.open_answer(payload, HeadsAnswer)
    assert commands.decode(payload, Refused) == Refused("not_found", "no", None)
