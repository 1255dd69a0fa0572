"""The inbox and what it counts, on a real SQLite file."""

from services.persistence.queries import Queries
from shared import commands
from shared.errors import NotFound
from tests.unit.persistence.log import Log
from tests.unit.persistence.reads import AB, fails, feed, history, inbox


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
