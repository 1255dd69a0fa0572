"""Owns the frames as typed structs: those that the client sends and those that it receives.

Unknown fields and unknown frames are stepped over, so that a newer server can speak to an older
client.
"""

from datetime import datetime

import msgspec
from msgspec import Struct

from linkup_client.notification import (
    BadgeUpdate,
    Notification,
    NotificationRead,
    NotificationsRead,
)

# ------------------------------------------------------------------ client → server


class Hello(Struct, frozen=True, kw_only=True, tag="hello", omit_defaults=True):
    token: str
    epoch: str | None = None
    cursor: int | None = None


class SendMessage(Struct, frozen=True, kw_only=True, tag="message", omit_defaults=True):
    """A message to a user (`to`) or a conversation; `client_id` makes sending it again safe."""

    client_id: str
    content: str
    to: str | None = None
    conversation_id: str | None = None
    after: str | None = None
    reply_to: int | None = None
    attachments: list[str] = []


class Delivered(Struct, frozen=True, kw_only=True, tag="delivered"):
    conversation_id: str
    seq: int


class MarkChatRead(Struct, frozen=True, kw_only=True, tag="mark_chat_read"):
    conversation_id: str
    up_to: int


class Refresh(Struct, frozen=True, kw_only=True, tag="refresh"):
    token: str


class SyncRequest(Struct, frozen=True, kw_only=True, tag="sync_request"):
    cursor: int


class Ping(Struct, frozen=True, kw_only=True, tag="ping"):
    pass


class PresenceSubscribe(Struct, frozen=True, kw_only=True, tag="presence_subscribe"):
    user_ids: list[str]


class PresenceUnsubscribe(Struct, frozen=True, kw_only=True, tag="presence_unsubscribe"):
    user_ids: list[str]


class Typing(Struct, frozen=True, kw_only=True, tag="typing"):
    conversation_id: str
    is_typing: bool


# ------------------------------------------------------------------ server → client


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of this server; sizes in bytes or code points, rates per second.

    The windows: how long after it was sent a message may be edited, or deleted for everyone; 0 is
    for ever.
    """

    max_frame_bytes: int = 64 * 1024
    max_content: int = 5_000
    message_burst: int = 0
    message_rate: float = 0.0
    edit_window_seconds: float = 86_400.0
    delete_window_seconds: float = 86_400.0


class Welcome(Struct, frozen=True, kw_only=True, tag="welcome"):
    user_id: str
    name: str | None = None
    avatar: str | None = None
    connection_id: str
    epoch: str
    cursor: int
    heartbeat_ms: int
    recovered: bool
    limits: Limits = Limits()


class SyncCompleted(Struct, frozen=True, kw_only=True, tag="sync_completed"):
    """All that was missed has come; live events follow."""

    cursor: int


class ResyncRequired(Struct, frozen=True, kw_only=True, tag="resync_required"):
    """Too much was missed: reload over HTTP; events go on after `cursor` of `epoch`."""

    reason: str
    epoch: str
    cursor: int


class Reconnect(Struct, frozen=True, kw_only=True, tag="reconnect"):
    after_ms: int
    reason: str = ""


class Pong(Struct, frozen=True, kw_only=True, tag="pong"):
    cursor: int


class Ack(Struct, frozen=True, kw_only=True, tag="ack"):
    """The message is stored, for ever. `duplicate`: it already was, and this is its first ack."""

    client_id: str
    message_id: int
    conversation_id: str
    seq: int
    created_at: datetime
    duplicate: bool


class Reactions(Struct, frozen=True, kw_only=True):
    """The users who reacted with an emoji, in the order of their reactions."""

    emoji: str
    user_ids: list[str]


class Attachment(Struct, frozen=True, kw_only=True):
    """A file of a message. `media_type` is what its bytes say; `size` is in bytes."""

    attachment_id: str
    name: str
    media_type: str
    size: int
    width: int | None = None
    height: int | None = None
    thumbnail: bool = False


class Message(Struct, frozen=True, kw_only=True, tag="message"):
    """A message of somebody else, or of this user on another device.

    `seq` counts 1, 2, 3 … without gaps in its conversation, the same for everybody.
    """

    cursor: int
    message_id: int
    conversation_id: str
    seq: int
    version: int
    sender_id: str
    client_id: str
    content: str
    reply_to: int | None = None
    attachments: list[Attachment] = []
    reactions: list[Reactions] = []
    created_at: datetime
    updated_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None


class MessageUpdated(Struct, frozen=True, kw_only=True, tag="message_updated"):
    """The message says something else now."""

    cursor: int
    message_id: int
    conversation_id: str
    seq: int
    version: int
    content: str
    edited_at: datetime
    updated_at: datetime


class MessageDeleted(Struct, frozen=True, kw_only=True, tag="message_deleted"):
    """A message was deleted. `everyone`: show a tombstone in its place; `me`: this user sees it no
    more."""

    cursor: int
    message_id: int
    conversation_id: str
    seq: int
    version: int
    mode: str
    deleted_at: datetime


class Reaction(Struct, frozen=True, kw_only=True, tag="reaction"):
    """A user set an emoji on a message, or took it back."""

    cursor: int
    message_id: int
    conversation_id: str
    version: int
    user_id: str
    emoji: str
    removed: bool


class Conversation(Struct, frozen=True, kw_only=True, tag="conversation"):
    """A conversation as this user sees it, after a change of it or of their own view of it.

    `change`: `begun`, `cleared` or `settings`; of a group `created`, `renamed`, `member_added`,
    `member_removed`, `left` or `role`. All up to `cleared_seq` is out of this user's sight.
    `members` and `user_ids` (whom the change concerns) are empty where they are more than 32;
    `member_count` is 0 when this user is no member any more, and nothing else comes of it.
    """

    cursor: int
    conversation_id: str
    version: int
    kind: str
    title: str | None = None
    role: str | None = None
    member_count: int = 0
    members: list[str] = []
    change: str
    actor_id: str | None = None
    user_ids: list[str] = []
    cleared_seq: int
    archived: bool
    muted: bool
    blocked: bool


class Receipt(Struct, frozen=True, kw_only=True, tag="receipt"):
    """The marks of a member. Both are cumulative and never decrease."""

    cursor: int
    conversation_id: str
    user_id: str
    delivered_seq: int
    read_seq: int
    at: datetime


class Presence(Struct, frozen=True, kw_only=True, tag="presence"):
    """The presence of a user. `last_seen` is when the last connection went, if that is known, and
    None while they are online."""

    user_id: str
    is_online: bool
    last_seen: datetime | None


class TypingNow(Struct, frozen=True, kw_only=True, tag="typing"):
    """Another member is typing, or has stopped."""

    conversation_id: str
    user_id: str
    is_typing: bool


class Error(Struct, frozen=True, kw_only=True, tag="error"):
    code: str
    message: str
    temporary: bool
    client_id: str | None = None
    retry_after_ms: int | None = None


Event = (
    Message | MessageUpdated | MessageDeleted | Reaction | Receipt | Conversation | ResyncRequired
)
ServerFrame = (
    Welcome
    | SyncCompleted
    | ResyncRequired
    | Reconnect
    | Pong
    | Ack
    | Message
    | MessageUpdated
    | MessageDeleted
    | Reaction
    | Conversation
    | Receipt
    | Presence
    | TypingNow
    | Notification
    | BadgeUpdate
    | NotificationRead
    | NotificationsRead
    | Error
)


class Unknown(Struct, frozen=True, kw_only=True):
    """A frame this version does not know; in the feed it still has its place."""

    cursor: int | None = None


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)
_unknown_decoder = msgspec.json.Decoder(Unknown)


def encode(frame: Struct) -> bytes:
    return _encoder.encode(frame)


def decode(text: bytes | bytearray) -> ServerFrame | Unknown:
    """Raises msgspec.MsgspecError or UnicodeDecodeError when this is no frame at all."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError:
        return _unknown_decoder.decode(text)
