"""One body for a live event, a replay and a page."""

import msgspec
import pytest
from msgspec.structs import replace

from services.persistence.announce import events_by_user
from services.persistence.queries import Queries
from services.persistence.queries.replay import replayed
from services.persistence.store.store import Store
from shared.commands import (
    AdvanceReceipt,
    Batch,
    ClearConversation,
    Command,
    DeleteMessage,
    EditMessage,
    Event,
    PutUser,
    React,
    SetConversation,
)
from shared.subjects import direct_conversation_id
from tests.unit.persistence.log import Log, message
from tests.unit.persistence.reads import feed

AB = direct_conversation_id("alice", "bob")


async def test_c5_a_replayed_event_is_the_live_one(
    store: Store, log: Log, queries: Queries
) -> None:
    await log.people("alice", "bob")
    told: list[Command] = [
        message("alice", "bob", "h\u00e9llo \U0001f600\n\u2028"),
        replace(message("bob", "alice", "yes?"), reply_to=1),
        PutUser(user_id="carol"),
    ]
    receipt = AdvanceReceipt(
        user_id="bob",
        connection_id="s1",
        conversation_id=direct_conversation_id("alice", "bob"),
        read_seq=1,
    )
    batch = Batch(lane="live", number=1, commands=[*told, receipt])
    live = events_by_user(await store.commit([batch]))
    assert live.keys() == {"alice", "bob"}
    for user_id, events in live.items():
        page = await feed(queries, user_id, after=0)
        assert page.events == [
            Event(event.cursor, event.body, "", event.conversation_id, event.seq)
            for event in events
        ]


@pytest.mark.parametrize(
    "command",
    [
        EditMessage(user_id="alice", message_id=1, content="better \u2028"),
        DeleteMessage(user_id="alice", message_id=1, mode="everyone"),
        DeleteMessage(user_id="alice", message_id=1, mode="me"),
        React(user_id="bob", message_id=1, emoji="\U0001f44d"),
    ],
    ids=lambda command: type(command).__name__,
)
async def test_c5_a_replayed_revision_is_the_live_one(
    store: Store, log: Log, queries: Queries, command: Command
) -> None:
    await log.people("alice", "bob")
    await log.say("alice", "bob", "hi")
    batch = Batch(lane="live", number=1, commands=[command])
    live = events_by_user(await store.commit([batch]))
    assert "alice" in live
    for user_id, events in live.items():
        page = await feed(queries, user_id, after=1)
        assert page.events == [Event(event.cursor, event.body) for event in events]
        assert all(event.body for event in events)


async def test_c5_a_mark_and_a_setting_of_one_transaction_are_told_apart(
    store: Store, log: Log, queries: Queries
) -> None:
    """Else one's own view of a conversation would be told to the other side."""
    await log.people("alice", "bob")
    await log.say("alice", "bob", "hi")
    told: list[Command] = [
        SetConversation(user_id="bob", conversation_id=AB, archived=True),
        AdvanceReceipt(user_id="bob", connection_id="s", conversation_id=AB, read_seq=1),
        ClearConversation(user_id="bob", conversation_id=AB),
    ]
    live = events_by_user(await store.commit([Batch(lane="live", number=1, commands=told)]))
    for user_id, events in live.items():
        page = await feed(queries, user_id, after=1)
        assert page.events == [replace(event, origin="") for event in events]


async def test_a_body_is_encoded_once_for_all_who_receive_it(store: Store, log: Log) -> None:
    await log.people("alice", "bob")
    batch = Batch(lane="live", number=1, commands=[message("alice", "bob", "hi")])
    live = events_by_user(await store.commit([batch]))
    [alices], [bobs] = live["alice"], live["bob"]
    assert alices.body is bobs.body
    assert "cursor" not in msgspec.json.decode(bobs.body)


def test_r7_a_row_without_anything_left_is_a_placeholder() -> None:
    for kind in ("message", "message_updated", "message_deleted", "message_hidden", "reaction"):
        for visible in (0, 1):
            assert replayed((7, kind, 0, visible, *(None,) * 21)) == Event(7, b"")
