"""Owns the bodies of the message routes: sending, editing, deleting, history and search."""

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from shared.frames import (
    AttachmentIds,
    Caption,
    ClientId,
    Content,
    ConversationId,
    DeleteMode,
    Emoji,
    Error,
    Message,
    PositiveInt,
    UserId,
    check_content,
    check_emoji,
)

MessageIds = Annotated[list[PositiveInt], Meta(min_length=1, max_length=100)]


class SendRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message to send: the fields of a `message` frame, without `type`."""

    client_id: ClientId
    content: Caption
    to: UserId | None = None
    conversation_id: ConversationId | None = None
    after: ClientId | None = None
    reply_to: PositiveInt | None = None
    attachments: AttachmentIds = []
    exactly_one: ClassVar[tuple[str, ...]] = ("to", "conversation_id")

    def __post_init__(self) -> None:
        if (self.to is None) == (self.conversation_id is None):
            raise ValueError("Expected exactly one of `to` and `conversation_id`")
        check_content(self.content, self.attachments)


class SendAsRequest(SendRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message that the user `user_id` sends, or the system if `user_id` is left out.

    The sender's `client_id` makes it unique: repeating the request changes nothing.
    """

    user_id: UserId | None = None


class Sent(Struct, frozen=True, kw_only=True):
    """The stored message: the fields of an `ack` frame, without `type`."""

    client_id: str
    message_id: int
    conversation_id: str
    seq: int
    created_at: datetime
    duplicate: bool


class EditRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new content."""

    content: Content


class DeleteOneRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mode of a deletion, if it is not in the query string."""

    mode: DeleteMode


class DeleteRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The messages to delete."""

    message_ids: MessageIds
    mode: DeleteMode


class Deleted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result for one message. `error` says why it was not deleted."""

    message_id: int
    deleted: bool
    error: Error | None = None


class DeleteAnswer(Struct, frozen=True, kw_only=True):
    """One result for each requested message, in the requested order."""

    results: list[Deleted]


class ReactRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reaction to add, or to remove."""

    emoji: Emoji
    remove: bool = False

    def __post_init__(self) -> None:
        check_emoji(self.emoji)


class HistoryAnswer(Struct, frozen=True, kw_only=True):
    """A page of messages, oldest first.

    `has_more` is true if there are more messages in the requested direction, or more of the
    requested `ids`.
    """

    epoch: str
    cursor: int
    conversation_id: str
    messages: list[Message]
    has_more: bool


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """A page of search results, newest first. Pass `next` as `before` to get the next page.

    A page may hold fewer than `limit` messages, or none, although `next` is not null.
    """

    epoch: str
    cursor: int
    messages: list[Message]
    next: int | None
