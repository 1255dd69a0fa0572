"""Owns the frames that the server sends. Those of the feed begin with a `cursor` (`feed_frame`)."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from shared.frames.fields import MAX_CONTENT, MAX_FRAME_BYTES, Change, DeleteMode, Role
from shared.frames.notification import (
    BadgeUpdate,
    Notification,
    NotificationRead,
    NotificationsList,
    NotificationsRead,
)


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of this server.

    `max_frame_bytes` is in bytes, `max_content` in code points, `message_rate` in messages a
    second. The windows are the times after sending in which a message can be edited or deleted;
    0 means no limit.
    """

    max_frame_bytes: int = MAX_FRAME_BYTES
    max_content: int = MAX_CONTENT
    message_burst: int
    message_rate: float
    edit_window_seconds: float
    delete_window_seconds: float


class Welcome(Struct, frozen=True, kw_only=True, tag="welcome"):
    """Accepts `hello`. `recovered` is true if the feed resumes from the client's cursor.

    `name` and `avatar` are the user's own, as others see them, or null.
    """

    user_id: str
    name: str | None
    avatar: str | None
    connection_id: str
    epoch: str
    cursor: int
    heartbeat_ms: int
    recovered: bool
    limits: Limits


class SyncCompleted(Struct, frozen=True, kw_only=True, tag="sync_completed"):
    """Ends the replay of missed frames. Live frames follow."""

    cursor: int


class ResyncRequired(Struct, frozen=True, kw_only=True, tag="resync_required"):
    """The feed cannot resume from the client's cursor. Reload the inbox over HTTP."""

    reason: str
    epoch: str
    cursor: int


class Reconnect(Struct, frozen=True, kw_only=True, tag="reconnect"):
    """Asks the client to connect again after `after_ms` milliseconds."""

    after_ms: int
    reason: str


class Pong(Struct, frozen=True, kw_only=True, tag="pong", omit_defaults=True):
    """Answers `ping`. `cursor` is the position of this connection in the feed."""

    cursor: int
    timestamp: int | float | str | None = None


class Ack(Struct, frozen=True, kw_only=True, tag="ack"):
    """Confirms that a command is committed and synced to disk.

    `message_id`, `conversation_id`, `seq` and `created_at` are present if the command was a
    `message`. An ack never moves the client's cursor.
    """

    client_id: str
    message_id: int | UnsetType = UNSET
    conversation_id: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    created_at: datetime | UnsetType = UNSET
    duplicate: bool = False


class Reactions(Struct, frozen=True, kw_only=True):
    """The users who reacted with an emoji, in the order of their reactions."""

    emoji: str
    user_ids: list[str]


class Attachment(Struct, frozen=True, kw_only=True):
    """A file of a message. `media_type` is detected from its bytes; `size` is in bytes.

    `thumbnail` is true if the file has a preview. `GET /v1/attachments/{attachment_id}` returns
    the URLs of both, which expire within minutes.
    """

    attachment_id: str
    name: str
    media_type: str
    size: int
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET
    thumbnail: bool | UnsetType = UNSET


class Message(Struct, frozen=True, kw_only=True, tag="message"):
    """A message in its current state. A deleted one has `deleted_at` and no content.

    `version` grows with every edit, deletion and reaction.
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
    """A message was edited."""

    cursor: int | UnsetType = UNSET
    message_id: int
    conversation_id: str
    seq: int
    version: int
    content: str
    edited_at: datetime
    updated_at: datetime


class MessageDeleted(Struct, frozen=True, kw_only=True, tag="message_deleted"):
    """A message was deleted. `everyone`: show a placeholder. `me`: hide it from this user."""

    cursor: int | UnsetType = UNSET
    message_id: int
    conversation_id: str
    seq: int
    version: int
    mode: DeleteMode
    deleted_at: datetime


class Reaction(Struct, frozen=True, kw_only=True, tag="reaction"):
    """A user added or removed a reaction."""

    cursor: int | UnsetType = UNSET
    message_id: int
    conversation_id: str
    version: int
    user_id: str
    emoji: str
    removed: bool


class Receipt(Struct, frozen=True, kw_only=True, tag="receipt"):
    """The marks of a member moved. Both are cumulative and never move back."""

    cursor: int | UnsetType = UNSET
    conversation_id: str
    user_id: str
    delivered_seq: int
    read_seq: int
    at: datetime


class TypingNow(Struct, frozen=True, kw_only=True, tag="typing"):
    """Another member is typing, or has stopped. Typing ends after 5 seconds without a frame."""

    conversation_id: str
    user_id: str
    is_typing: bool


class Presence(Struct, frozen=True, kw_only=True, tag="presence"):
    """The presence of a user. `last_seen` is null while they are online, or if it is not known."""

    user_id: str
    is_online: bool
    last_seen: datetime | None


class ConnectionStatus(Struct, frozen=True, kw_only=True, tag="connection_status"):
    """The state of this connection. `pending` is the number of frames waiting to be sent."""

    state: str = "connected"
    connection_id: str
    connected_at: datetime
    cursor: int
    pending: int


class Conversation(Struct, frozen=True, kw_only=True, tag="conversation"):
    """A conversation changed. The frame shows it as this member now sees it.

    `version` grows with every change of the conversation or of this member's view of it.
    `members` lists all members, and `user_ids` the users whom the change concerns. A list of
    more than 32 is left out. A member who left or was removed receives this frame with an empty
    list of `members`, and none after it. `blocked` is true if this member blocks the peer.
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
    """A command failed. If `temporary` is true, send the same command again later."""

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
    | Notification
    | BadgeUpdate
    | NotificationsList
    | NotificationRead
    | NotificationsRead
    | Error
)
