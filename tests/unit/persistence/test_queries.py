"""Every read of the log, on a real SQLite file."""

import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.persistence.queries import Queries
from shared import commands
from shared.commands import (
    Failure,
    FeedPage,
    FeedPageAnswer,
    Heads,
    HeadsAnswer,
    History,
    Inbox,
    Join,
    Joined,
    LogPage,
    LogPageAnswer,
    Marks,
    MarksAnswer,
    Members,
    MembersAnswer,
    PutUser,
    Snapshot,
    Unread,
)
from shared.errors import InvalidRequest, LinkupError, NotFound
from shared.subjects import direct_conversation_id
from tests.unit.persistence.log import Log

AB = direct_conversation_id("alice", "bob")
MAX_PAYLOAD = 1024 * 1024  # of a nats-server as it comes
Page = dict[str, Any]


async def history(queries: Queries, user_id: str = "alice", **asked: Any) -> Page:
    asked.setdefault("conversation_id", AB)
    payload = commands.encode(History(user_id=user_id, **asked))
    answer = await queries.answer("history", payload)
    assert len(answer) < MAX_PAYLOAD
    page: Page = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
    return page


async def inbox(queries: Queries, user_id: str = "alice", **asked: Any) -> Page:
    answer = await queries.answer("conversations", commands.encode(Inbox(user_id=user_id, **asked)))
    assert len(answer) < MAX_PAYLOAD
    page: Page = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
    return page


async def feed(queries: Queries, user_id: str, after: int, limit: int = 500) -> FeedPageAnswer:
    asked = FeedPage(user_id=user_id, after=after, limit=limit)
    answer = await queries.answer("feed", commands.encode(asked))
    return commands.open_answer(answer, FeedPageAnswer)


async def marks(queries: Queries, *asked: Unread, preview: int = 3) -> MarksAnswer:
    answer = await queries.answer(
        "marks", commands.encode(Marks(asked=list(asked), preview=preview))
    )
    return commands.open_answer(answer, MarksAnswer)


def contents(page: Page) -> list[str]:
    return [message["content"] for message in page["messages"]]


async def fails(query: Any) -> LinkupError:
    with pytest.raises(LinkupError) as caught:
        await query
    return caught.value


@pytest.fixture
async def talk(log: Log) -> Log:
    """Alice and Bob, messages 1 to 9 in turn; Carol and Dave stand by, with one of their own."""
    await log.people("alice", "bob", "carol", "dave")
    for number in range(1, 10):
        pair = ("alice", "bob") if number % 2 else ("bob", "alice")
        await log.say(*pair, str(number))
    await log.say("carol", "dave", "secret")
    return log


async def test_idor_members_are_for_members_and_nothing_is_told_of_the_rest(
    talk: Log, queries: Queries
) -> None:
    answer = await queries.answer(
        "members", commands.encode(Members(user_id="bob", conversation_id=AB))
    )
    assert sorted(commands.open_answer(answer, MembersAnswer).user_ids) == ["alice", "bob"]
    refusals = [
        await fails(
            queries.answer("members", commands.encode(Members(user_id="carol", conversation_id=x)))
        )
        for x in (AB, "no-such-conversation")
    ]
    assert [(e.code, e.message) for e in refusals] == [("not_found", refusals[0].message)] * 2


# ------------------------------------------------------------------ history


async def test_the_newest_page_comes_oldest_first(talk: Log, queries: Queries) -> None:
    page = await history(queries, limit=3)
    assert contents(page) == ["7", "8", "9"]
    assert [message["seq"] for message in page["messages"]] == [7, 8, 9]
    assert (page["has_more"], page["conversation_id"]) == (True, AB)
    assert (page["epoch"], page["cursor"]) == (talk.store.epoch, 9)


async def test_pages_backwards_and_forwards_meet_without_gap(talk: Log, queries: Queries) -> None:
    back: list[str] = []
    page = await history(queries, limit=2)
    while True:
        back = contents(page) + back
        if not page["has_more"]:
            break
        page = await history(queries, limit=2, before_id=page["messages"][0]["message_id"])
    assert back == [str(number) for number in range(1, 10)]
    page = await history(queries, before_id=2)
    forth = contents(page)
    while page["has_more"] or forth == ["1"]:
        page = await history(queries, limit=2, after_id=page["messages"][-1]["message_id"])
        forth += contents(page)
    assert forth == back


async def test_a_page_of_exactly_the_limit_has_no_more(talk: Log, queries: Queries) -> None:
    assert (await history(queries, limit=9))["has_more"] is False
    assert (await history(queries, limit=8))["has_more"] is True
    assert contents(await history(queries, after_id=9)) == []
    assert contents(await history(queries, before_id=1)) == []


@pytest.mark.parametrize("parameter", ["before_id", "after_id"])
@pytest.mark.parametrize("message_id", [10, 11, 0, 2**53 - 1])  # 10: Carol's
async def test_an_id_of_another_conversation_is_as_one_that_does_not_exist(
    talk: Log, queries: Queries, parameter: str, message_id: int
) -> None:
    asked: dict[str, Any] = {parameter: message_id}
    error = await fails(history(queries, **asked))
    assert isinstance(error, InvalidRequest)
    assert error.message == f"`{parameter}` is no message of this conversation"


async def test_absent_and_forbidden_answer_alike(talk: Log, queries: Queries) -> None:
    forbidden = await fails(history(queries, "carol"))
    absent = await fails(history(queries, "carol", conversation_id="nowhere"))
    by_id = await fails(history(queries, "carol", before_id=1))
    unknown = await fails(history(queries, "nobody"))
    assert {repr(error) for error in (forbidden, absent, by_id, unknown)} == {repr(absent)}
    assert isinstance(absent, NotFound)


@pytest.mark.parametrize("limit", [-5, 0])
async def test_a_limit_below_one_is_one(talk: Log, queries: Queries, limit: int) -> None:
    assert contents(await history(queries, limit=limit)) == ["9"]
    assert len((await inbox(queries, limit=limit))["conversations"]) == 1
    assert len((await feed(queries, "alice", 0, limit)).events) == 1


@pytest.mark.parametrize("letter", ["\U0001f600", "\u4e2d", "\x01"])
async def test_r18_a_page_fits_the_bus_whatever_its_messages_hold(
    log: Log, queries: Queries, letter: str
) -> None:
    """A control character takes six bytes in JSON: fifty messages made a page that never came."""
    await log.people("alice", "bob")
    texts = [f"{number:0>4}" + letter * 4996 for number in range(60)]
    await log.say("alice", "bob", *texts)
    newest = await history(queries, limit=100)
    assert newest["has_more"]
    assert contents(newest) == texts[-len(newest["messages"]) :]
    older = await history(queries, before_id=newest["messages"][0]["message_id"], limit=100)
    found = contents(older) + contents(newest)
    assert found == texts[-len(found) :]
    after = await history(queries, after_id=1, limit=100)
    assert after["has_more"]
    assert contents(after) == texts[1 : 1 + len(after["messages"])]


# ------------------------------------------------------------------ inbox


async def test_the_inbox_is_in_order_of_the_last_message(talk: Log, queries: Queries) -> None:
    await talk.say("dave", "alice", "hello")
    await talk.say("alice", "alice", "note")
    page = await inbox(queries)
    assert [view["peer"]["user_id"] for view in page["conversations"]] == ["alice", "dave", "bob"]
    assert [view["last_message"]["content"] for view in page["conversations"]] == [
        "note",
        "hello",
        "9",
    ]
    assert (page["next"], page["epoch"], page["cursor"]) == (None, talk.store.epoch, 11)


async def test_inbox_pages_meet_without_gap(log: Log, queries: Queries) -> None:
    others = [f"user{number}" for number in range(7)]
    await log.people("alice", *others)
    for other in others:
        await log.say(other, "alice", "hi")
    found: list[str] = []
    before = None
    while True:
        page = await inbox(queries, limit=3, before=before)
        found += [view["peer"]["user_id"] for view in page["conversations"]]
        before = page["next"]
        if before is None:
            break
    assert found == others[::-1]


async def test_r18_an_inbox_fits_the_bus(log: Log, queries: Queries) -> None:
    others = [f"user{number}" for number in range(40)]
    await log.people("alice", *others)
    for other in others:
        await log.say(other, "alice", "\x01" * 4999 + "x")
    first = await inbox(queries, limit=100)
    second = await inbox(queries, limit=100, before=first["next"])
    seen = [view["peer"]["user_id"] for view in first["conversations"] + second["conversations"]]
    assert seen[: len(others)] == others[::-1][: len(seen)]
    assert 0 < len(first["conversations"]) < len(others)


async def test_unread_counts_what_others_wrote_after_the_read_mark(
    talk: Log, queries: Queries
) -> None:
    async def unread(user_id: str) -> int:
        views = (await inbox(queries, user_id))["conversations"]
        [count] = [v["unread_count"] for v in views if v["conversation_id"] == AB]
        return int(count)

    assert (await unread("alice"), await unread("bob")) == (4, 5)
    await talk.read("bob", "alice", 5)
    assert await unread("bob") == 2  # 7 and 9
    await talk.read("bob", "alice", 9)
    assert (await unread("alice"), await unread("bob")) == (4, 0)


async def test_notes_to_oneself_are_never_unread(log: Log, queries: Queries) -> None:
    await log.people("alice")
    await log.say("alice", "alice", "one", "two")
    [view] = (await inbox(queries))["conversations"]
    assert view["peer"]["user_id"] == "alice"
    assert (view["unread_count"], view["read_seq"], view["last_seq"]) == (0, 2, 2)


async def test_the_inbox_shows_both_sides_marks(talk: Log, queries: Queries) -> None:
    await talk.read("bob", "alice", 3, delivered=7)
    [view] = (await inbox(queries))["conversations"]
    assert (view["peer_read_seq"], view["peer_delivered_seq"]) == (3, 7)
    assert (view["read_seq"], view["delivered_seq"]) == (1, 1)
    [other] = (await inbox(queries, "bob"))["conversations"]
    assert (other["read_seq"], other["delivered_seq"]) == (3, 7)


async def test_nobody_sees_what_they_are_no_member_of(talk: Log, queries: Queries) -> None:
    [view] = (await inbox(queries, "carol"))["conversations"]
    assert view["last_message"]["content"] == "secret"
    assert (await inbox(queries, "nobody"))["conversations"] == []
    assert (await feed(queries, "nobody", 0)).events == []


async def test_a_refused_first_message_leaves_no_trace_in_any_view(
    log: Log, queries: Queries
) -> None:
    await log.people("alice", "bob")
    told = commands.StoreMessage(
        user_id="alice",
        connection_id="",
        client_id="c2",
        conversation_id=AB,
        content="second",
        to="bob",
        after="c1",
    )
    [refused] = await log.run(told)
    assert isinstance(refused, commands.Refused)
    assert (await inbox(queries))["conversations"] == []
    assert isinstance(await fails(history(queries)), NotFound)


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
    with sqlite3.connect(database) as erasing:
        erasing.execute("DELETE FROM messages WHERE message_id = 3")
        erasing.execute("DELETE FROM members WHERE user_id = 'bob'")
    erasing.close()
    events = (await feed(queries, "alice", 0)).events
    assert [event.cursor for event in events] == list(range(1, 11))
    assert [event.cursor for event in events if not event.body] == [3, 10]
    assert [event.seq for event in events if not event.body] == [0, 0]


async def test_r18_a_feed_page_fits_the_bus(log: Log, queries: Queries) -> None:
    await log.people("alice", "bob")
    await log.say("alice", "bob", *[f"{n:0>4}" + "\x01" * 4996 for n in range(40)])
    page = await feed(queries, "bob", 0)
    assert 0 < len(page.events) < 40
    assert len(commands.answer(page)) < MAX_PAYLOAD
    assert page.head == 40


async def test_join_tells_where_the_feed_stands_and_who_it_is(talk: Log, queries: Queries) -> None:
    answer = await queries.answer("join", commands.encode(Join(user_id="bob")))
    joined = commands.open_answer(answer, Joined)
    assert (joined.epoch, joined.head) == (talk.store.epoch, 9)
    assert joined.profile is not None
    assert joined.profile.name == "Bob"
    answer = await queries.answer("join", commands.encode(Join(user_id="nobody")))
    assert commands.open_answer(answer, Joined) == Joined(
        epoch=talk.store.epoch, head=0, profile=None
    )


async def test_a_profile_keeps_what_a_later_token_does_not_say(log: Log, queries: Queries) -> None:
    await log.run(PutUser(user_id="erin", name="Erin", email="e@example.com"))
    await log.run(PutUser(user_id="erin", time_zone="Asia/Tokyo"))
    await log.run(PutUser(user_id="erin", name="E."))
    answer = await queries.answer("join", commands.encode(Join(user_id="erin")))
    profile = commands.open_answer(answer, Joined).profile
    assert profile is not None
    assert (profile.name, profile.email, profile.time_zone) == ("E.", "e@example.com", "Asia/Tokyo")


async def test_heads_of_those_who_have_one(talk: Log, queries: Queries) -> None:
    asked = Heads(user_ids=["carol", "nobody", "alice", "alice"])
    answer = await queries.answer("heads", commands.encode(asked))
    assert commands.open_answer(answer, HeadsAnswer).heads == {"alice": 9, "carol": 1}


async def test_r18_heads_are_bounded(queries: Queries, log: Log) -> None:
    await log.people(*[f"u{number}" for number in range(600)])
    asked = Heads(user_ids=[f"u{number}" for number in range(600)])
    answer = await queries.answer("heads", commands.encode(asked))
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
            answer = await queries.answer("log", commands.encode(asked))
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
    assert (bob.read_seq, bob.last_seq, bob.unread) == (2, 9, 4)
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


async def test_an_unknown_query_is_not_found_and_a_broken_one_raises(queries: Queries) -> None:
    assert isinstance(await fails(queries.answer("drop", b"")), NotFound)
    with pytest.raises(msgspec.MsgspecError):
        await queries.answer("feed", b"\xc1")


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
        commands.open_answer(payload, Joined)
    assert commands.decode(payload, commands.Answer).failure == Failure("not_found", "no", None)
