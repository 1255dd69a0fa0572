"""The client's frames and the server's are one contract: each side reads what the other writes."""

from datetime import UTC, datetime

import linkup_client.frames as ours
import msgspec
import pytest
from linkup_client.notification import DeliveredNotification
from msgspec import Struct

import shared.frames as theirs

NOW = datetime(2026, 11, 21, 9, 30, 0, 1, tzinfo=UTC)
LIMITS = theirs.Limits(
    message_burst=20, message_rate=10.0, edit_window_seconds=90.0, delete_window_seconds=0.0
)

SENT: list[Struct] = [
    ours.Hello(token="t", epoch="e", cursor=0),
    ours.Hello(token="t"),
    ours.SendMessage(client_id="c", content="hi", to="bob"),
    ours.SendMessage(client_id="c", content="hi", conversation_id="d1", after="b"),
    ours.SendMessage(client_id="c", content="", to="bob", attachments=["a1", "b2"]),
    ours.SendMessage(client_id="c", content="hi", to="bob", reply_to=3),
    ours.Typing(conversation_id="d1", is_typing=True),
    ours.Delivered(conversation_id="d1", seq=3),
    ours.MarkChatRead(conversation_id="d1", up_to=3),
    ours.SyncRequest(cursor=7),
    ours.Ping(),
    ours.PresenceSubscribe(user_ids=["bob"]),
    ours.PresenceUnsubscribe(user_ids=["bob"]),
    DeliveredNotification(notification_id="n1", client_id="c"),
]
HEARD: list[Struct] = [
    theirs.Welcome(
        user_id="u", name="U", avatar=None, connection_id="c", epoch="e", cursor=1,
        heartbeat_ms=2, recovered=True, limits=LIMITS,
    ),
    theirs.SyncCompleted(cursor=1),
    theirs.ResyncRequired(reason="r", epoch="e", cursor=1),
    theirs.Reconnect(after_ms=1, reason="r"),
    theirs.Pong(cursor=1),
    theirs.Ack(
        client_id="c", message_id=1, conversation_id="d1", seq=1, created_at=NOW, duplicate=False
    ),
    theirs.Message(
        cursor=1, message_id=1, conversation_id="d1", seq=1, version=1, sender_id="a",
        client_id="c", content="„hi“", created_at=NOW, updated_at=NOW,
    ),
    theirs.Message(
        cursor=1, message_id=1, conversation_id="d1", seq=1, version=3, sender_id="a",
        client_id="c", content="", reply_to=1, created_at=NOW, updated_at=NOW, edited_at=NOW,
        deleted_at=NOW, reactions=[theirs.Reactions(emoji="\U0001f44d", user_ids=["u"])],
    ),
    theirs.Message(
        cursor=1, message_id=1, conversation_id="d1", seq=1, version=1, sender_id="a",
        client_id="c", content="", created_at=NOW, updated_at=NOW,
        attachments=[
            theirs.Attachment(
                attachment_id="a1", name="n", media_type="image/png", size=1, width=2, height=3,
                thumbnail=True,
            )
        ],
    ),
    theirs.MessageUpdated(
        cursor=1, message_id=1, conversation_id="d1", seq=1, version=2, content="x",
        edited_at=NOW, updated_at=NOW,
    ),
    theirs.MessageDeleted(
        cursor=1, message_id=1, conversation_id="d1", seq=1, version=2, mode="me", deleted_at=NOW
    ),
    theirs.Conversation(
        cursor=7,
        conversation_id="d1",
        version=2,
        kind="direct",
        title="Team",
        role="admin",
        member_count=2,
        members=["alice", "bob"],
        actor_id="alice",
        user_ids=["bob"],
        change="cleared",
        cleared_seq=3,
        archived=False,
        muted=True,
        blocked=False,
    ),
    theirs.Reaction(
        cursor=1, message_id=1, conversation_id="d1", version=2, user_id="u", emoji="x",
        removed=True,
    ),
    theirs.Receipt(
        cursor=1, conversation_id="d1", user_id="u", delivered_seq=2, read_seq=1, at=NOW
    ),
    theirs.Presence(user_id="u", is_online=False, last_seen=NOW),
    theirs.Presence(user_id="u", is_online=True, last_seen=None),
    theirs.TypingNow(conversation_id="d1", user_id="u", is_typing=True),
    theirs.Notification(
        notification_id="n1", notification_type="mention", priority="high", title="t", body="b",
        created_at=NOW, updated_at=NOW, is_read=False, is_grouped=False, group_count=1,
    ),
    theirs.BadgeUpdate(unread_count=1),
    theirs.NotificationRead(notification_id="n1", read_at=NOW, unread_count=0),
    theirs.NotificationsRead(read_at=NOW, count=1, unread_count=0),
    theirs.Notification(
        notification_id="n1", notification_type="mention", priority="low", title="t", body="",
        sender_id="b", sender_name="Bob", sender_avatar="https://e/b.png", action_url="/x/",
        conversation_id="d1", created_at=NOW, updated_at=NOW, is_read=True, read_at=NOW,
        is_grouped=True, group_count=3,
    ),
    theirs.NotificationsRead(
        notification_type="mention", up_to="n1", read_at=NOW, count=1, unread_count=0
    ),
    theirs.Error(code="rate_limited", message="m", temporary=True, client_id="c", retry_after_ms=5),
    theirs.Error(code="not_found", message="m", temporary=False),
]  # fmt: skip
STEPPED_OVER: list[Struct] = [  # the client makes nothing of these
    theirs.ConnectionStatus(connection_id="c", connected_at=NOW, cursor=1, pending=0),
    theirs.NotificationsList(notifications=[], next=None, unread_count=0),
]  # fmt: skip


@pytest.mark.parametrize("frame", SENT, ids=lambda frame: type(frame).__name__)
def test_the_server_reads_what_the_client_writes(frame: Struct) -> None:
    read = theirs.decode(ours.encode(frame))
    assert type(read).__struct_config__.tag == type(frame).__struct_config__.tag
    written = {name: getattr(frame, name) for name in frame.__struct_fields__}
    assert {name: getattr(read, name) for name in written} == written


@pytest.mark.parametrize("frame", HEARD, ids=lambda frame: type(frame).__name__)
def test_the_client_reads_what_the_server_writes(frame: Struct) -> None:
    read = ours.decode(theirs.encode(frame))
    assert type(read).__name__ == type(frame).__name__
    heard = msgspec.to_builtins(frame)
    assert {
        name: value for name, value in msgspec.to_builtins(read).items() if name in heard
    } == heard


def test_every_frame_of_the_server_is_among_them() -> None:
    known = {type(frame) for frame in HEARD + STEPPED_OVER}
    assert known == set(theirs.ServerFrame.__args__)


@pytest.mark.parametrize("frame", STEPPED_OVER, ids=lambda frame: type(frame).__name__)
def test_the_client_steps_over_what_it_has_no_use_for(frame: Struct) -> None:
    assert isinstance(ours.decode(theirs.encode(frame)), ours.Unknown)


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        (b'{"type":"poke","cursor":4}', 4),
        (b'{"type":"typing","user_id":"u"}', None),
        (b'{"type":"ack","client_id":"a receipt\'s"}', None),
    ],
)
def test_an_unknown_frame_keeps_its_place(text: bytes, cursor: int | None) -> None:
    assert ours.decode(text) == ours.Unknown(cursor=cursor)
