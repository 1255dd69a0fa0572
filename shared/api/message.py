"""Owns the bodies about messages: sending, changing, pages, what is found."""

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
    """POST /v1/messages: the `message` frame without its type."""

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


class Sent(Struct, frozen=True, kw_only=True):
    """The `ack` frame without its type."""

    client_id: str
    message_id: int
    conversation_id: str
    seq: int
    created_at: datetime
    duplicate: bool


class EditRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PATCH /v1/messages/{id}"""

    content: Content


class DeleteOneRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """DELETE /v1/messages/{id}, where `mode` is not in the query."""

    mode: DeleteMode


class DeleteRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/messages/delete"""

    message_ids: MessageIds
    mode: DeleteMode


class Deleted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one of many; `error` where it was not deleted."""

    message_id: int
    deleted: bool
    error: Error | None = None


class DeleteAnswer(Struct, frozen=True, kw_only=True):
    """One for each id asked, in that order."""

    results: list[Deleted]


class ReactRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/messages/{id}/reactions"""

    emoji: Emoji
    remove: bool = False

    def __post_init__(self) -> None:
        check_emoji(self.emoji)


class HistoryAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/conversations/{id}/messages: oldest first within the page. `has_more`: further on, or
    of the `ids` asked for."""

    epoch: str
    cursor: int
    conversation_id: str
    messages: list[Message]
    has_more: bool


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/search: newest first. `next` is the next page's `before`; with it a page may also
    hold less than was asked for, even nothing."""

    epoch: str
    cursor: int
    messages: list[Message]
    next: int | None
