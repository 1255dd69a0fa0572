"""Owns the bodies about conversations: the inbox, one of them, what is unread."""

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.frames import (
    MAX_MEMBERS,
    ClientId,
    ConversationId,
    Message,
    PositiveInt,
    Role,
    Title,
    UserId,
)

ConversationIds = Annotated[list[ConversationId], Meta(min_length=1, max_length=100)]


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


class ConversationAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/conversations/{id}."""

    epoch: str
    cursor: int
    conversation: ConversationView


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
    """GET /v1/unread: totals (at most 1,000 a conversation), and the five latest conversations.

    Muted and archived conversations are left out.
    """

    epoch: str
    cursor: int
    unread_count: int
    conversations: int
    items: list[UnreadItem]
