"""Owns the frames a client receives; those of the feed have a `cursor` in front (`feed_frame`)."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from shared.frames.fields import MAX_CONTENT, MAX_FRAME_BYTES, Change, DeleteMode, Role


class Limits(Struct, frozen=True, kw_only=True):
    """What this server accepts; sizes in bytes or code points, rates per second.

    The windows: how long after it was sent a message may be edited, or deleted for everyone; 0 is
    for ever.
    """

    max_frame_bytes: int = MAX_FRAME_BYTES
    max_content: int = MAX_CONTENT
    message_burst: int
    message_rate: float
    edit_window_seconds: float
    delete_window_seconds: float


class Welcome(Struct, frozen=True, kw_only=True, tag="welcome"):
    user_id: str
    connection_id: str
    epoch: str
    cursor: int
    heartbeat_ms: int
    recovered: bool
    limits: Limits


class SyncCompleted(Struct, frozen=True, kw_only=True, tag="sync_completed"):
    """All that was missed has been sent; live frames follow."""

    cursor: int


class ResyncRequired(Struct, frozen=True, kw_only=True, tag="resync_required"):
    """The feed cannot go on from the client's cursor: reload the inbox over HTTP."""

    reason: str
    epoch: str
    cursor: int


class Reconnect(Struct, frozen=True, kw_only=True, tag="reconnect"):
    after_ms: int
    reason: str


class Pong(Struct, frozen=True, kw_only=True, tag="pong", omit_defaults=True):
    cursor: int
    timestamp: int | float | str | None = None


class Ack(Struct, frozen=True, kw_only=True, tag="ack"):
    """Committed and synced to disk (C1). Never moves the client's cursor.

    The fields about a message are there when the frame it answers was one.
    """

    client_id: str
    message_id: int | UnsetType = UNSET
    conversation_id: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    created_at: datetime | UnsetType = UNSET
    duplicate: bool = False


class Reactions(Struct, frozen=True, kw_only=True):
    """Who set that emoji, in the order they did."""

    emoji: str
    user_ids: list[str]


class Attachment(Struct, frozen=True, kw_only=True):
    """A file of a message. `media_type` is what its bytes say; `size` is in bytes.

    `thumbnail`: there is a small picture of it, too. The URLs of both last for minutes only, so
    they come with `GET /v1/attachments/{attachment_id}`.
    """

    attachment_id: str
    name: str
    media_type: str
    size: int
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET
    thumbnail: bool | UnsetType = UNSET


class Message(Struct, frozen=True, kw_only=True, tag="message"):
    """A message as it is now: a replayed one shows its edits, and as a tombstone no content.

    `version` counts every change of it, reactions too.
    """

    cursor: int | UnsetType = UNSET
    message_id: int
    conversation_id: str
    seq: int
    version: int
    sender_id: str
    client_id: str
    content: str
    reply_to: int | UnsetType = UNSET
    attachments: list[Attachment] | UnsetType = UNSET
    reactions: list[Reactions] | UnsetType = UNSET
    created_at: datetime
    updated_at: datetime
    edited_at: datetime | UnsetType = UNSET
    deleted_at: datetime | UnsetType = UNSET


class MessageUpdated(Struct, frozen=True, kw_only=True, tag="message_updated"):
    """The message says something else now."""

    cursor: int | UnsetType = UNSET
    message_id: int
    conversation_id: str
    seq: int
    version: int
    content: str
    edited_at: datetime
    updated_at: datetime


class MessageDeleted(Struct, frozen=True, kw_only=True, tag="message_deleted"):
    """`everyone`: show a tombstone in its place; `me`: this user sees it no more."""

    cursor: int | UnsetType = UNSET
    message_id: int
    conversation_id: str
    seq: int
    version: int
    mode: DeleteMode
    deleted_at: datetime


class Reaction(Struct, frozen=True, kw_only=True, tag="reaction"):
    """That user set that emoji, or took it back."""

    cursor: int | UnsetType = UNSET
    message_id: int
    conversation_id: str
    version: int
    user_id: str
    emoji: str
    removed: bool


class Receipt(Struct, frozen=True, kw_only=True, tag="receipt"):
    """How far a member got. Both marks are cumulative and only ever grow."""

    cursor: int | UnsetType = UNSET
    conversation_id: str
    user_id: str
    delivered_seq: int
    read_seq: int
    at: datetime


class TypingNow(Struct, frozen=True, kw_only=True, tag="typing"):
    """Somebody else is typing, or has stopped; without another word it ends after 5 s."""

    conversation_id: str
    user_id: str
    is_typing: bool


class Presence(Struct, frozen=True, kw_only=True, tag="presence"):
    """`last_seen`: when the last socket went, where that is known; null while online."""

    user_id: str
    is_online: bool
    last_seen: datetime | None


class ConnectionStatus(Struct, frozen=True, kw_only=True, tag="connection_status"):
    """This socket as the server sees it. `pending`: frames that wait to be written to it."""

    state: str = "connected"
    connection_id: str
    connected_at: datetime
    cursor: int
    pending: int


class Conversation(Struct, frozen=True, kw_only=True, tag="conversation"):
    """What changed about a conversation, and how this member sees it now.

    `version` counts every change, of the conversation and of their own view. `members` are all of
    them where they are at most 32, `user_ids` those whom a change of a group concerns, likewise.
    Who left or was removed is told so, sees no members and hears no more. `blocked`: this member
    blocks the other side.
    """

    cursor: int | UnsetType = UNSET
    conversation_id: str
    version: int
    kind: str
    title: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    member_count: int
    members: list[str] | UnsetType = UNSET
    change: Change
    actor_id: str | UnsetType = UNSET
    user_ids: list[str] | UnsetType = UNSET
    cleared_seq: int
    archived: bool
    muted: bool
    blocked: bool


class Error(Struct, frozen=True, kw_only=True, tag="error", omit_defaults=True):
    code: str
    message: str
    temporary: bool
    client_id: str | None = None
    retry_after_ms: int | None = None


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
    | Receipt
    | TypingNow
    | Presence
    | ConnectionStatus
    | Conversation
    | Error
)
