"""Owns the frames of a client. They forbid unknown fields: it hears of a typing error at once."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from shared.frames.fields import (
    MAX_EMOJI_BYTES,
    AttachmentIds,
    Caption,
    ClientId,
    Content,
    ConversationId,
    Count,
    DeleteMode,
    Device,
    Emoji,
    Epoch,
    PositiveInt,
    Timestamp,
    Token,
    UserId,
    UserIds,
)


class Hello(Struct, frozen=True, kw_only=True, tag="hello", forbid_unknown_fields=True):
    """The first frame: who is there, and from where the feed goes on."""

    token: Token | None = None
    epoch: Epoch | None = None
    cursor: Count | None = None
    device: Device | None = None


class SendMessage(Struct, frozen=True, kw_only=True, tag="message", forbid_unknown_fields=True):
    """A message to a user (`to`) or a conversation; answered by `ack` or `error`.

    `after` names the sender's previous `client_id`: this one is stored only after that one.
    `reply_to` is a message of the same conversation. `attachments` are uploads of the sender's
    that no message has yet; only beside them `content` may be empty.
    """

    client_id: ClientId
    content: Caption
    to: UserId | None = None
    conversation_id: ConversationId | None = None
    after: ClientId | None = None
    reply_to: PositiveInt | None = None
    attachments: AttachmentIds = []
    exactly_one: ClassVar[tuple[str, ...]] = ("to", "conversation_id")  # for the schema

    def __post_init__(self) -> None:
        if (self.to is None) == (self.conversation_id is None):
            raise ValueError("Expected exactly one of `to` and `conversation_id`")
        check_content(self.content, self.attachments)


class EditMessage(
    Struct, frozen=True, kw_only=True, tag="edit_message", forbid_unknown_fields=True
):
    """Another content for an own message, within the server's window."""

    message_id: PositiveInt
    content: Content
    client_id: ClientId | None = None


class DeleteMessage(
    Struct, frozen=True, kw_only=True, tag="delete_message", forbid_unknown_fields=True
):
    """`me` hides any message from this user; `everyone` wipes an own one, within the window."""

    message_id: PositiveInt
    mode: DeleteMode
    client_id: ClientId | None = None


class React(Struct, frozen=True, kw_only=True, tag="react", forbid_unknown_fields=True):
    """One emoji on a message; each user has one of each. `remove` takes it back."""

    message_id: PositiveInt
    emoji: Emoji
    remove: bool = False
    client_id: ClientId | None = None

    def __post_init__(self) -> None:
        check_emoji(self.emoji)


class Delivered(Struct, frozen=True, kw_only=True, tag="delivered", forbid_unknown_fields=True):
    """Cumulative: this device holds everything of the conversation up to `seq`."""

    conversation_id: ConversationId
    seq: PositiveInt
    client_id: ClientId | None = None


class ReadReceipt(
    Struct, frozen=True, kw_only=True, tag="read_receipt", forbid_unknown_fields=True
):
    """Moves the read mark up to that message, never back."""

    message_id: PositiveInt
    client_id: ClientId | None = None


class BulkReadReceipt(
    Struct, frozen=True, kw_only=True, tag="bulk_read_receipt", forbid_unknown_fields=True
):
    """Moves the read mark of each conversation up to the highest of these messages in it."""

    message_ids: Annotated[list[PositiveInt], Meta(min_length=1, max_length=500)]
    client_id: ClientId | None = None


class MarkChatRead(
    Struct, frozen=True, kw_only=True, tag="mark_chat_read", forbid_unknown_fields=True
):
    """Moves the read mark to `up_to`, or to the last message this connection was sent."""

    conversation_id: ConversationId
    up_to: PositiveInt | None = None
    client_id: ClientId | None = None


class SyncRequest(
    Struct, frozen=True, kw_only=True, tag="sync_request", forbid_unknown_fields=True
):
    """Replays the feed after `cursor` (by default: after what this connection was sent)."""

    cursor: Count | None = None


class Ping(Struct, frozen=True, kw_only=True, tag="ping", forbid_unknown_fields=True):
    timestamp: Timestamp | None = None


class Typing(Struct, frozen=True, kw_only=True, tag="typing", forbid_unknown_fields=True):
    """For the others in the conversation, now: never stored, dropped first."""

    is_typing: bool
    to: UserId | None = None
    conversation_id: ConversationId | None = None

    def __post_init__(self) -> None:
        if (self.to is None) == (self.conversation_id is None):
            raise ValueError("Expected exactly one of `to` and `conversation_id`")


class PresenceSubscribe(
    Struct, frozen=True, kw_only=True, tag="presence_subscribe", forbid_unknown_fields=True
):
    """Answered by a `presence` for each, and by another at each change."""

    user_ids: UserIds


class PresenceUnsubscribe(
    Struct, frozen=True, kw_only=True, tag="presence_unsubscribe", forbid_unknown_fields=True
):
    user_ids: UserIds


class GetConnectionStatus(
    Struct, frozen=True, kw_only=True, tag="get_connection_status", forbid_unknown_fields=True
):
    """Answered by `connection_status`."""


class ForceReconnect(
    Struct, frozen=True, kw_only=True, tag="force_reconnect", forbid_unknown_fields=True
):
    """Answered by `reconnect` and the end of the socket, 4000."""


class Refresh(Struct, frozen=True, kw_only=True, tag="refresh", forbid_unknown_fields=True):
    """A newer token of the same user: the socket lives as long as that one says."""

    token: Token
    client_id: ClientId | None = None


ClientFrame = (
    Hello
    | SendMessage
    | EditMessage
    | DeleteMessage
    | React
    | Delivered
    | ReadReceipt
    | BulkReadReceipt
    | MarkChatRead
    | SyncRequest
    | Ping
    | Typing
    | PresenceSubscribe
    | PresenceUnsubscribe
    | GetConnectionStatus
    | ForceReconnect
    | Refresh
)


def check_content(content: str, attachments: list[str]) -> None:
    """Raises ValueError for a message that says nothing, or one thing twice."""
    if not content and not attachments:
        raise ValueError("Expected `content` with something to see in it, or `attachments`")
    if len(set(attachments)) < len(attachments):
        raise ValueError("Expected `attachments` that differ from each other")


def check_emoji(emoji: str) -> None:
    """Raises ValueError for one that takes too many bytes."""
    if len(emoji.encode()) > MAX_EMOJI_BYTES:
        raise ValueError(f"Expected `emoji` of at most {MAX_EMOJI_BYTES} bytes")
