"""Owns the bodies of the HTTP API: what a request may hold and what an answer looks like."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from shared.frames import (
    MAX_MEMBERS,
    Attachment,
    AttachmentIds,
    Caption,
    ClientId,
    Comment,
    Content,
    ConversationId,
    DeleteMode,
    Emoji,
    Error,
    Message,
    PositiveInt,
    Reason,
    Role,
    Title,
    UserId,
    check_content,
    check_emoji,
)

DEFAULT_LIMIT = 50
FileBytes = Annotated[str, Meta(extra_json_schema={"format": "binary"})]
Variant = Literal["original", "thumbnail"]
PageSize = Annotated[int, Meta(ge=1, le=100)]


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


class EditRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PATCH /v1/messages/{id}"""

    content: Content


class DeleteOneRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """DELETE /v1/messages/{id}, where `mode` is not in the query."""

    mode: DeleteMode


class DeleteRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/messages/delete"""

    message_ids: Annotated[list[PositiveInt], Meta(min_length=1, max_length=100)]
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


class LoginRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/dev/login, for the demo only."""

    user_id: UserId
    name: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class LoginAnswer(Struct, frozen=True, kw_only=True):
    token: str
    user_id: str
    name: str


class TicketAnswer(Struct, frozen=True, kw_only=True):
    """POST /v1/tickets: what `hello` takes in place of a token, once."""

    ticket: str
    expires_at: datetime


class Sent(Struct, frozen=True, kw_only=True):
    """The `ack` frame without its type."""

    client_id: str
    message_id: int
    conversation_id: str
    seq: int
    created_at: datetime
    duplicate: bool


class Peer(Struct, frozen=True, kw_only=True):
    user_id: str
    name: str | None
    avatar: str | None


class ConversationView(Struct, frozen=True, kw_only=True):
    """A conversation as one member sees it: `unread_count` stops at 1,000.

    A direct one has a `peer`, a group a `title` and this member's `role`; its `peer_` marks are
    the least of all the others'. `blocked`: this member blocks their peer; nothing of that
    conversation counts as unread then.
    """

    conversation_id: str
    kind: str
    title: str | None
    role: Role | None
    member_count: int
    peer: Peer | None
    last_seq: int
    last_message: Message | None
    unread_count: int
    delivered_seq: int
    read_seq: int
    peer_delivered_seq: int
    peer_read_seq: int
    archived: bool
    muted: bool
    blocked: bool
    updated_at: datetime


class InboxAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/conversations. `next` is the next page's `before`."""

    epoch: str
    cursor: int
    conversations: list[ConversationView]
    next: int | None


class BeginRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/conversations: the direct conversation with that user (`to`), or a group with a
    title and members besides oneself. A `client_id` makes it safe to ask for a group again."""

    to: UserId | None = None
    title: Title | None = None
    members: Annotated[list[UserId], Meta(max_length=MAX_MEMBERS)] | None = None
    client_id: ClientId | None = None
    exactly_one: ClassVar[tuple[str, ...]] = ("to", "title")

    def __post_init__(self) -> None:
        if (self.to is None) == (self.title is None):
            raise ValueError("Expected exactly one of `to` and `title`")
        if self.to is not None and (self.members, self.client_id) != (None, None):
            raise ValueError("Expected `members` and `client_id` only with a `title`")


class AddRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/conversations/{id}/members"""

    members: Annotated[list[UserId], Meta(min_length=1, max_length=MAX_MEMBERS)]


class RoleRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PATCH /v1/conversations/{id}/members/{user_id}"""

    role: Role


class MemberView(Struct, frozen=True, kw_only=True):
    """One member, with how far they got: above 32 members `delivered_seq` follows `read_seq`."""

    user_id: str
    name: str | None
    avatar: str | None
    role: Role
    delivered_seq: int
    read_seq: int


class MembersAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/conversations/{id}/members, by user id. `next` is the next page's `after`."""

    epoch: str
    cursor: int
    conversation_id: str
    members: list[MemberView]
    next: str | None


class ReadRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/conversations/{id}/read: as `mark_chat_read`."""

    up_to: PositiveInt


class ConversationPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PATCH /v1/conversations/{id}: how this member wants to see it; a group's title, for all."""

    archived: bool | UnsetType = UNSET
    muted: bool | UnsetType = UNSET
    title: Title | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.archived is UNSET and self.muted is UNSET and self.title is UNSET:
            raise ValueError("Expected `archived`, `muted` or `title`")


class ClearAnswer(Struct, frozen=True, kw_only=True):
    """POST /v1/conversations/{id}/clear: how many messages that hides."""

    conversation_id: str
    count: int


class ConversationAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/conversations/{id}."""

    epoch: str
    cursor: int
    conversation: ConversationView


class UnreadItem(Struct, frozen=True, kw_only=True):
    """The latest unread message of one conversation; `preview` is cut at 120 code points."""

    conversation_id: str
    unread_count: int
    message_id: int
    seq: int
    sender_id: str
    sender_name: str | None
    preview: str
    created_at: datetime


class UnreadAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/unread: totals (at most 1,000 a conversation), and the five latest conversations."""

    epoch: str
    cursor: int
    unread_count: int
    conversations: int
    items: list[UnreadItem]


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/search: newest first. `next` is the next page's `before`; with it a page may also
    hold less than was asked for, even nothing."""

    epoch: str
    cursor: int
    messages: list[Message]
    next: int | None


class SyncAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/sync: the feed after a cursor, each frame as a socket would have got it."""

    epoch: str
    cursor: int
    frames: list[msgspec.Raw]
    has_more: bool


class AttachmentAnswer(Attachment, frozen=True, kw_only=True):
    """GET /v1/attachments/{id}: where its bytes are, for a while and for whoever has the URL."""

    url: str
    thumbnail_url: str | UnsetType = UNSET
    expires_at: datetime


class HistoryAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/conversations/{id}/messages: oldest first within the page."""

    epoch: str
    cursor: int
    conversation_id: str
    messages: list[Message]
    has_more: bool


class UserStatus(Struct, frozen=True, kw_only=True):
    """GET /v1/users/{id}/status: the `presence` frame without its type."""

    user_id: str
    is_online: bool
    last_seen: datetime | None


class BlockRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/blocks"""

    user_id: UserId


class BlockView(Struct, frozen=True, kw_only=True):
    """Somebody whom this user blocks, since then."""

    user_id: str
    name: str | None
    avatar: str | None
    created_at: datetime


class BlocksAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/blocks, by user id. `next` is the next page's `after`."""

    epoch: str
    cursor: int
    blocks: list[BlockView]
    next: str | None


class ReportRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/reports: of a message, or of a user. The same again is the same report."""

    client_id: ClientId
    user_id: UserId | None = None
    message_id: PositiveInt | None = None
    reason: Reason
    comment: Comment | UnsetType = UNSET
    exactly_one: ClassVar[tuple[str, ...]] = ("user_id", "message_id")

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.message_id is None):
            raise ValueError("Expected exactly one of `user_id` and `message_id`")


class ReportAnswer(Struct, frozen=True, kw_only=True):
    """POST /v1/reports: it is stored, since then."""

    report_id: str
    created_at: datetime
    duplicate: bool


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error in HTTP's own form (RFC 9457), with the `code` the frames use."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    temporary: bool
    client_id: str | None = None
    retry_after_ms: int | None = None


encode = msgspec.json.Encoder().encode
