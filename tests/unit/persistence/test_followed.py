"""The pages of the log for a follower that keeps lists of notifications, and their texts."""

from services.persistence.queries import Queries
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
