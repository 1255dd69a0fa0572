"""The pages of the log for a follower that keeps lists of notifications, and their texts."""

import pytest

from services.persistence.queries import Queries, omissions
from shared import commands
from shared.commands import (
    AddMembers,
    ClearConversation,
    CreateGroup,
    DeleteMessage,
    EditMessage,
    Glimpse,
    Glimpsed,
    Glimpses,
    GlimpsesAnswer,
    LogPage,
    LogPageAnswer,
    LogRow,
    Omissions,
    Profile,
    PutUser,
    RemoveMember,
    SetBlock,
    SetConversation,
    Stored,
    StoreMessage,
    Unread,
)
from tests.unit.persistence.log import Log
from tests.unit.persistence.reads import AB, marks


class Followed:
    """Reads on from where it stands."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._positions: dict[str, int] = {}

    async def rows(self) -> list[LogRow]:
        answer = await self._queries.answer(LogPage(follower="t", positions=self._positions))
        page = commands.open_answer(answer, LogPageAnswer)
        self._positions = page.positions
        return page.rows


def mute(muted: bool, user_id: str = "bob") -> SetConversation:
    return SetConversation(user_id=user_id, conversation_id=AB, muted=muted)


async def glimpse(queries: Queries, user_id: str, last: int, first: int = 1) -> Glimpse | None:
    asked = Glimpses(asked=[Glimpsed(user_id, AB, first, last)])
    [row] = commands.open_answer(await queries.answer(asked), GlimpsesAnswer).rows
    return row


async def test_s36_a_follower_knows_who_has_muted_a_conversation(
    log: Log, queries: Queries
) -> None:
    followed = Followed(queries)
    await log.people("alice", "bob")
    await log.say("alice", "bob", "1")
    assert [(row.kind, row.muted) for row in await followed.rows()] == [("message", False)]
    await log.run(mute(True))
    await log.say("alice", "bob", "2")
    await log.say("bob", "alice", "3")
    told = [(row.user_id, row.kind, row.seq, row.muted) for row in await followed.rows()]
    assert told == [
        ("bob", "set", 1, False),
        ("bob", "message", 2, True),
        ("alice", "message", 3, False),
    ]
    await log.run(mute(False), SetConversation(user_id="bob", conversation_id=AB, archived=True))
    assert {(row.kind, row.seq, row.actor_id) for row in await followed.rows()} == {
        ("set", 0, "bob")
    }


async def test_s54_a_block_silences_as_a_mute_does(log: Log, queries: Queries) -> None:
    followed = Followed(queries)
    await log.people("alice", "bob")
    await log.say("alice", "bob", "1")
    for blocked in (True, False):
        await followed.rows()
        await log.run(
            SetBlock(user_id="bob", conversation_id=AB, other_id="alice", blocked=blocked)
        )
        told = [(row.user_id, row.kind, row.seq) for row in await followed.rows()]
        assert told == [("bob", "set", int(blocked))]


async def test_a_follower_hears_of_what_was_cleared_and_who_has_left(
    log: Log, queries: Queries
) -> None:
    followed = Followed(queries)
    await log.people("alice", "bob", "carol")
    await log.run(
        CreateGroup(user_id="alice", conversation_id="g", title="Team", members=["bob", "carol"])
    )
    await log.run(
        StoreMessage(
            user_id="alice", connection_id="", client_id="1", conversation_id="g", content="one"
        )
    )
    await followed.rows()
    await log.run(ClearConversation(user_id="bob", conversation_id="g"))
    await log.run(RemoveMember(user_id="alice", conversation_id="g", member_id="carol"))
    told = [(row.user_id, row.kind, row.conversation_id, row.seq) for row in await followed.rows()]
    assert told == [("bob", "cleared", "g", 1), ("carol", "member_removed", "g", 0)]
    await log.run(RemoveMember(user_id="bob", conversation_id="g", member_id="bob"))
    await log.run(AddMembers(user_id="alice", conversation_id="g", members=["bob"]))
    assert await followed.rows() == []  # and is back


async def test_marks_say_what_has_been_delivered(log: Log, queries: Queries) -> None:
    await log.people("alice", "bob")
    await log.say("alice", "bob", "1", "2", "3")
    await log.read("bob", "alice", 1, delivered=2)
    [row] = (await marks(queries, Unread(user_id="bob", conversation_id=AB))).rows
    assert row is not None
    assert (row.read_seq, row.delivered_seq, row.last_seq) == (1, 2, 3)


async def omitted(queries: Queries) -> Omissions:
    [row] = (await marks(queries, Unread(user_id="bob", conversation_id=AB))).rows
    assert row is not None
    return row.omissions


async def test_s51_marks_say_which_messages_are_not_shown(
    log: Log, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 is read, 3 and 8 are deleted, 5 is the reader's own, and 6 is hidden from the reader."""
    await log.people("alice", "bob")
    sent = list(await log.say("alice", "bob", "1", "2"))
    await log.read("bob", "alice", 1)
    assert await omitted(queries) == Omissions(2)
    sent += await log.say("alice", "bob", "3", "4")
    sent += await log.say("bob", "alice", "5")
    sent += await log.say("alice", "bob", "6", "7", "8")
    ids = [one.message_id for one in sent if isinstance(one, Stored)]
    for seq in (3, 8):
        deleted = DeleteMessage(user_id="alice", message_id=ids[seq - 1], mode="everyone")
        await log.run(deleted)
    await log.run(DeleteMessage(user_id="bob", message_id=ids[5], mode="me"))
    found = await omitted(queries)
    assert found == Omissions(2, [(8, 8), (5, 6), (3, 3)])
    assert [seq for seq in range(1, 9) if not found.include(seq)] == [2, 4, 7]
    monkeypatch.setattr(omissions, "MAX_RANGES", 2)  # what is older is told of nothing
    assert await omitted(queries) == Omissions(4, [(8, 8), (5, 6)])
    monkeypatch.setattr(omissions, "MAX_LOOKED_AT", 3)
    assert await omitted(queries) == Omissions(6, [(8, 8), (6, 6)])


async def test_s73_a_glimpse_is_of_the_newest_message_as_it_reads_now(
    log: Log, queries: Queries
) -> None:
    await log.people("alice", "bob")
    first, second = await log.say("alice", "bob", "one", "two")
    await log.say("bob", "alice", "mine")
    assert isinstance(first, Stored)
    assert isinstance(second, Stored)
    shown = await glimpse(queries, "bob", 3)
    assert shown == Glimpse(sender_id="alice", sender_name="Alice", content="two")
    assert await glimpse(queries, "bob", 1) == Glimpse(
        sender_id="alice", sender_name="Alice", content="one"
    )
    edited = EditMessage(user_id="alice", message_id=second.message_id, content="x" * 300)
    await log.run(edited)
    shown = await glimpse(queries, "bob", 2)
    assert shown is not None
    assert shown.content == "x" * 200
    await log.run(DeleteMessage(user_id="alice", message_id=second.message_id, mode="everyone"))
    shown = await glimpse(queries, "bob", 2)
    assert shown is not None
    assert shown.content == "one"
    await log.run(DeleteMessage(user_id="bob", message_id=first.message_id, mode="me"))
    shown = await glimpse(queries, "bob", 2)
    assert shown == Glimpse(sender_id="alice", sender_name="Alice", content=None)


async def test_senders_are_known_by_name_and_without_their_address(
    log: Log, queries: Queries
) -> None:
    await log.run(PutUser(user_id="alice", name="Alice", email="a@example.com", avatar="/a.png"))
    answer = await queries.answer(Glimpses(asked=[], sender_ids=["alice", "nobody"]))
    assert commands.open_answer(answer, GlimpsesAnswer).senders == [
        Profile(user_id="alice", name="Alice", avatar="/a.png")
    ]


async def test_a_glimpse_shows_nothing_to_strangers_or_across_a_block(
    log: Log, queries: Queries
) -> None:
    await log.people("alice", "bob", "carol")
    await log.say("alice", "bob", "secret")
    assert await glimpse(queries, "carol", 1) is None
    await log.run(SetBlock(user_id="bob", conversation_id=AB, other_id="alice", blocked=True))
    shown = await glimpse(queries, "bob", 1)
    assert shown is not None
    assert shown.content is None
