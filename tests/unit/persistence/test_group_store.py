"""Groups through a real store: what is written, replayed, listed and no longer seen."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.persistence.announce import events_by_user
from services.persistence.decide.state import Limits
from services.persistence.queries import Queries
from services.persistence.store.connections import ReaderConnection
from services.persistence.store.store import Store
from shared import commands
from shared.commands import (
    AddMembers,
    AdvanceReceipt,
    Batch,
    Begun,
    ClearConversation,
    Command,
    Conversation,
    CreateGroup,
    Event,
    History,
    Inbox,
    LogPage,
    LogPageAnswer,
    Marks,
    MarksAnswer,
    MarksRow,
    Members,
    PutUser,
    Question,
    RemoveMember,
    Roster,
    SetConversation,
    SetRole,
    Snapshot,
    Stored,
    StoreMessage,
    Totals,
    Unread,
)
from shared.errors import NotFound
from shared.frames import Role
from shared.sqlite.held import Held
from tests.unit.persistence import reads
from tests.unit.persistence.conftest import opened
from tests.unit.persistence.log import Log

Frame = dict[str, Any]
MAX_PAYLOAD = 1024 * 1024


def say(by: str, content: str, place: str = "g") -> StoreMessage:
    return StoreMessage(
        user_id=by,
        connection_id="",
        client_id=f"{by}-{content}"[:60],
        conversation_id=place,
        content=content,
    )


def create(*members: str, place: str = "g", title: str = "Team") -> CreateGroup:
    return CreateGroup(user_id="alice", conversation_id=place, title=title, members=list(members))


def add(*members: str) -> AddMembers:
    return AddMembers(user_id="alice", conversation_id="g", members=list(members))


def remove(by: str, member_id: str) -> RemoveMember:
    return RemoveMember(user_id=by, conversation_id="g", member_id=member_id)


def role(member_id: str, now: Role) -> SetRole:
    return SetRole(user_id="alice", conversation_id="g", member_id=member_id, role=now)


def read(by: str, seq: int) -> AdvanceReceipt:
    return AdvanceReceipt(user_id=by, connection_id="", conversation_id="g", read_seq=seq)


@pytest.fixture
async def team(log: Log) -> Log:
    """A group of Alice, Bob and Carol, where two messages were said; Dave and Erin stand by."""
    await log.people("alice", "bob", "carol", "dave", "erin")
    await log.run(create("bob", "carol"))
    await log.run(say("alice", "one"), say("bob", "two"))
    return log


async def feed(queries: Queries, user_id: str, after: int = 0) -> list[Event]:
    return (await reads.feed(queries, user_id, after)).events


async def snapshot(queries: Queries, asked: Question) -> Frame:
    answer = await queries.answer(asked)
    assert len(answer) < MAX_PAYLOAD
    found: Frame = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
    return found


def frames_of(events: list[Event]) -> list[Frame]:
    return [msgspec.json.decode(event.body) for event in events if event.body]


@pytest.mark.parametrize(
    "told",
    [
        [add("dave")],
        [SetConversation(user_id="alice", conversation_id="g", title="Other", muted=True)],
        [remove("alice", "bob")],
        [remove("alice", "alice")],
        [role("bob", "admin")],
        [create("dave", place="g2")],
        [remove("bob", "bob"), add("bob")],
        [add("dave"), remove("alice", "dave")],
        [remove("alice", "bob"), remove("alice", "carol")],
        [add("dave"), add("erin")],
        [role("bob", "admin"), role("carol", "admin")],
        [
            read("bob", 1),
            ClearConversation(user_id="bob", conversation_id="g"),
            SetConversation(user_id="bob", conversation_id="g", archived=True),
        ],
    ],
    ids=[
        "add",
        "rename",
        "remove",
        "leave",
        "role",
        "create",
        "return",
        "in and out",
        "two go",
        "two come",
        "two rise",
        "views",
    ],
)
async def test_c5_a_replayed_change_is_the_live_one(
    store: Store, team: Log, queries: Queries, told: list[Command]
) -> None:
    live = events_by_user(await store.commit([Batch(lane="live", number=1, commands=told)]))
    assert live
    for user_id, events in live.items():
        page = await feed(queries, user_id, events[0].cursor - 1)
        assert [(e.cursor, e.body, e.conversation_id, e.seq) for e in page] == [
            (e.cursor, e.body, e.conversation_id, e.seq) for e in events
        ]


async def test_s46_who_is_removed_hears_so_and_sees_nothing_any_more(
    team: Log, queries: Queries
) -> None:
    await team.run(read("alice", 2))  # which bob, who wrote it, was told of
    await team.run(remove("alice", "bob"))
    await team.run(say("alice", "three"), read("carol", 3))
    frames = frames_of(await feed(queries, "bob"))
    assert [(f["type"], f["change"], f["members"]) for f in frames] == [
        ("conversation", "member_removed", [])
    ]
    assert (frames[0]["user_ids"], frames[0]["actor_id"]) == (["bob"], "alice")
    assert "title" not in frames[0]
    place: Any = {"user_id": "bob", "conversation_id": "g"}
    for kind in (History, Conversation, Members, Roster):
        with pytest.raises(NotFound):
            await queries.answer(kind(**place))
    assert (await snapshot(queries, Inbox(user_id="bob")))["conversations"] == []
    assert (await snapshot(queries, Totals(user_id="bob")))["unread_count"] == 0


async def test_s46_a_new_member_sees_from_joining_on(team: Log, queries: Queries) -> None:
    await team.run(add("dave"))
    await team.run(say("alice", "three"))
    page = await snapshot(queries, History(user_id="dave", conversation_id="g"))
    assert [(m["seq"], m["content"]) for m in page["messages"]] == [(3, "three")]
    [row] = (await snapshot(queries, Inbox(user_id="dave")))["conversations"]
    assert (row["unread_count"], row["last_seq"], row["member_count"]) == (1, 3, 4)
    await team.run(remove("dave", "dave"), say("bob", "four"), add("dave"), say("bob", "five"))
    page = await snapshot(queries, History(user_id="dave", conversation_id="g"))
    assert [m["content"] for m in page["messages"]] == ["five"], "coming back is joining anew"


async def test_s46_by_setting_a_new_member_sees_the_whole_history(database: Path) -> None:
    async with opened(database, Limits(1, 0.0, group_history=True)) as store:
        log = Log(store)
        await log.people("alice", "bob", "dave")
        await log.run(create("bob"), say("alice", "one"), add("dave"))
        held = Held(f"sqlite:///{database}", ReaderConnection)
        try:
            queries = Queries(held, store.epoch)
            page = await snapshot(queries, History(user_id="dave", conversation_id="g"))
            unread = await snapshot(queries, Totals(user_id="dave"))
        finally:
            await held.close()
    assert [m["content"] for m in page["messages"]] == ["one"]
    assert unread["unread_count"] == 0


async def test_s46_the_inbox_shows_a_group_from_its_making_on(team: Log, queries: Queries) -> None:
    await team.run(create("bob", place="g2", title="New"))
    page = await snapshot(queries, Inbox(user_id="bob"))
    new, old = page["conversations"]
    assert (new["title"], new["kind"], new["last_message"]) == ("New", "group", None)
    assert (new["role"], new["member_count"], new["peer"]) == ("member", 2, None)
    assert (old["title"], old["member_count"], old["unread_count"]) == ("Team", 3, 1)
    first = await snapshot(queries, Inbox(user_id="bob", limit=1))
    rest = await snapshot(queries, Inbox(user_id="bob", before=first["next"]))
    assert [c["conversation_id"] for c in first["conversations"] + rest["conversations"]] == [
        "g2",
        "g",
    ]


async def test_a_groups_ticks_are_those_of_the_slowest(team: Log, queries: Queries) -> None:
    await team.run(say("alice", "three"), read("bob", 3), read("carol", 1))
    asked = Conversation(user_id="alice", conversation_id="g")
    row = (await snapshot(queries, asked))["conversation"]
    assert (row["peer_delivered_seq"], row["peer_read_seq"]) == (1, 1)
    roster = await snapshot(queries, Roster(user_id="alice", conversation_id="g"))
    assert [(m["user_id"], m["role"], m["read_seq"]) for m in roster["members"]] == [
        ("alice", "owner", 1),
        ("bob", "member", 3),
        ("carol", "member", 1),
    ]


async def test_r18_pages_of_members_meet_and_fit_the_bus(team: Log, queries: Queries) -> None:
    crowd = [f"u{number:03}" for number in range(120)]
    huge = "https://example.com/" + "x" * 15_000
    await team.run(*[PutUser(user_id=user_id, avatar=huge) for user_id in crowd])
    await team.run(add(*crowd))
    found: list[str] = []
    after = ""
    while True:
        asked = Roster(user_id="bob", conversation_id="g", after=after, limit=100)
        page = await snapshot(queries, asked)
        found += [member["user_id"] for member in page["members"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert found == sorted(["alice", "bob", "carol", *crowd])


async def test_above_32_members_a_frame_names_nobody(team: Log, queries: Queries) -> None:
    crowd = [f"u{number:03}" for number in range(40)]
    await team.people(*crowd)
    await team.run(add(*crowd))
    [*_, frame] = frames_of(await feed(queries, "bob"))
    assert (frame["change"], frame["member_count"]) == ("member_added", 43)
    assert "members" not in frame
    assert "user_ids" not in frame


async def test_the_log_tells_a_follower_of_each_member_with_something_unread(
    team: Log, queries: Queries
) -> None:
    answer = await queries.answer(LogPage(follower="t", positions={}))
    rows = commands.open_answer(answer, LogPageAnswer).rows
    assert [(row.user_id, row.seq, row.actor_id) for row in rows] == [
        ("bob", 1, "alice"),
        ("carol", 1, "alice"),
        ("alice", 2, "bob"),
        ("carol", 2, "bob"),
    ]
    asked = [Unread(user_id=user_id, conversation_id="g") for user_id in ("bob", "carol")]
    bob, carol = await marks_of(queries, asked)
    assert bob is not None
    assert carol is not None
    assert (bob.kind, bob.title, bob.unread, bob.senders) == ("group", "Team", 1, 1)
    assert (carol.unread, carol.senders) == (2, 2)
    await team.run(remove("carol", "carol"))
    assert await marks_of(queries, asked) == [bob, None]


async def marks_of(queries: Queries, asked: list[Unread]) -> list[MarksRow | None]:
    return commands.open_answer(await queries.answer(Marks(asked=asked)), MarksAnswer).rows


async def test_a_group_that_everybody_left_is_not_made_anew(team: Log, queries: Queries) -> None:
    for user_id in ("bob", "carol", "alice"):
        await team.run(remove(user_id, user_id))
    assert await team.run(create("bob", "carol")) == [Begun(False)]
    with pytest.raises(NotFound):
        await snapshot(queries, Conversation(user_id="alice", conversation_id="g"))


async def test_messages_and_changes_are_numbered_in_one_sequence(team: Log) -> None:
    [before] = await team.run(say("alice", "three"))
    await team.run(SetConversation(user_id="alice", conversation_id="g", title="Other"))
    [after] = await team.run(say("alice", "four"))
    assert isinstance(before, Stored)
    assert isinstance(after, Stored)
    assert after.message_id == before.message_id + 2
