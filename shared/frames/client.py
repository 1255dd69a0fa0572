"""Owns the frames that a client sends. Unknown fields are refused, so mistakes show at once."""

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
    NotificationId,
    PositiveInt,
    Timestamp,
    Token,
    UserId,
    UserIds,
)
from shared.frames.notification import GetNotifications, MarkAllRead, MarkRead


class Hello(Struct, frozen=True, kw_only=True, tag="hello", forbid_unknown_fields=True):
    """The first frame. It authenticates the client; `epoch` and `cursor` resume its feed.

    `device` has no meaning, and is accepted only because older clients send it.
    """

    token: Token | None = None
    epoch: Epoch | None = None
    cursor: Count | None = None
    device: Annotated[Device | None, Meta(extra_json_schema={"deprecated": True})] = None


class SendMessage(Struct, frozen=True, kw_only=True, tag="message", forbid_unknown_fields=True):
    """Sends a message to a user (`to`) or a conversation. Answered by `ack` or `error`.

    `after` is the `client_id` of the message that has to be stored first. `reply_to` is the id of
    a message in the same conversation. `attachments` are the ids of files that you uploaded and
    have not sent yet. `content` may be empty only if there are attachments.
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
    """Replaces the content of a message that you sent, within the server's edit window."""

    message_id: PositiveInt
    content: Content
    client_id: ClientId | None = None


class DeleteMessage(
    Struct, frozen=True, kw_only=True, tag="delete_message", forbid_unknown_fields=True
):
    """Deletes a message. `me` hides it from you.

    `everyone` erases a message that you sent, within the server's delete window.
    """

    message_id: PositiveInt
    mode: DeleteMode
    client_id: ClientId | None = None


class React(Struct, frozen=True, kw_only=True, tag="react", forbid_unknown_fields=True):
    """Adds a reaction to a message, or removes it. A user can add each emoji once."""

    message_id: PositiveInt
    emoji: Emoji
    remove: bool = False
    client_id: ClientId | None = None

    def __post_init__(self) -> None:
        check_emoji(self.emoji)


class Delivered(Struct, frozen=True, kw_only=True, tag="delivered", forbid_unknown_fields=True):
    """Confirms that this device has received all messages of the conversation up to `seq`, or a
    notification."""

    conversation_id: ConversationId | None = None
    seq: PositiveInt | None = None
    notification_id: NotificationId | None = None
    client_id: ClientId | None = None
    exactly_one: ClassVar[tuple[str, ...]] = ("conversation_id", "notification_id")
    together: ClassVar[tuple[str, ...]] = ("conversation_id", "seq")

    def __post_init__(self) -> None:
        if (self.conversation_id is None) == (self.notification_id is None):
            raise ValueError("Expected exactly one of `conversation_id` and `notification_id`")
        if (self.conversation_id is None) != (self.seq is None):
            raise ValueError("Expected `seq` with `conversation_id`, and only with it")


class ReadReceipt(
    Struct, frozen=True, kw_only=True, tag="read_receipt", forbid_unknown_fields=True
):
    """Marks a conversation as read up to a message. The mark never moves back."""

    message_id: PositiveInt
    client_id: ClientId | None = None


class BulkReadReceipt(
    Struct, frozen=True, kw_only=True, tag="bulk_read_receipt", forbid_unknown_fields=True
):
    """Marks each conversation of these messages as read up to the latest of them."""

    message_ids: Annotated[list[PositiveInt], Meta(min_length=1, max_length=500)]
    client_id: ClientId | None = None


class MarkChatRead(
    Struct, frozen=True, kw_only=True, tag="mark_chat_read", forbid_unknown_fields=True
):
    """Marks a conversation as read up to the message `up_to`.

    Without `up_to`, it is read up to the last message that was sent to this connection.
    """

    conversation_id: ConversationId
    up_to: PositiveInt | None = None
    client_id: ClientId | None = None


class SyncRequest(
    Struct, frozen=True, kw_only=True, tag="sync_request", forbid_unknown_fields=True
):
    """Replays the feed after `cursor`; by default, after the last frame sent to this connection."""

    cursor: Count | None = None


class Ping(Struct, frozen=True, kw_only=True, tag="ping", forbid_unknown_fields=True):
    """Asks for a `pong` that carries the same `timestamp`."""

    timestamp: Timestamp | None = None


class Typing(Struct, frozen=True, kw_only=True, tag="typing", forbid_unknown_fields=True):
    """Tells the other members that you are typing, or have stopped. Never stored."""

    is_typing: bool
    to: UserId | None = None
    conversation_id: ConversationId | None = None

    def __post_init__(self) -> None:
        if (self.to is None) == (self.conversation_id is None):
            raise ValueError("Expected exactly one of `to` and `conversation_id`")


class PresenceSubscribe(
    Struct, frozen=True, kw_only=True, tag="presence_subscribe", forbid_unknown_fields=True
):
    """Asks for a `presence` frame for each of these users now and at each change."""

    user_ids: UserIds


class PresenceUnsubscribe(
    Struct, frozen=True, kw_only=True, tag="presence_unsubscribe", forbid_unknown_fields=True
):
    """Ends the subscription to the presence of users."""

    user_ids: UserIds


class GetConnectionStatus(
    Struct, frozen=True, kw_only=True, tag="get_connection_status", forbid_unknown_fields=True
):
    """Asks for the state of this connection. Answered by `connection_status`."""


class ForceReconnect(
    Struct, frozen=True, kw_only=True, tag="force_reconnect", forbid_unknown_fields=True
):
    """Asks the server to end this connection. Answered by `reconnect` and close code 4000."""


class Refresh(Struct, frozen=True, kw_only=True, tag="refresh", forbid_unknown_fields=True):
    """Replaces the token with another one of the same user.

    The connection then expires with the new token.
    """

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
    | GetNotifications
    | MarkRead
    | MarkAllRead
    | Refresh
)


def check_content(content: str, attachments: list[str]) -> None:
    """Raises ValueError if there is neither content nor attachment, or an attachment twice."""
    if not content and not attachments:
        raise ValueError("Expected `content` with something to see in it, or `attachments`")
    if len(set(attachments)) < len(attachments):
        raise ValueError("Expected `attachments` that differ from each other")


def check_emoji(emoji: str) -> None:
    """Raises ValueError if the emoji has too many bytes."""
    if len(emoji.encode()) > MAX_EMOJI_BYTES:
        raise ValueError(f"Expected `emoji` of at most {MAX_EMOJI_BYTES} bytes")
