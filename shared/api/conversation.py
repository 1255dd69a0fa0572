"""Owns the bodies of the conversation routes: the inbox, one conversation, unread counts."""

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
    """A conversation as you see it.

    A direct conversation has a `peer`; a group has a `title` and your `role`. In a group,
    `peer_delivered_seq` and `peer_read_seq` are the lowest marks of all other members.
    `unread_count` is at most 1,000. `blocked` is true if you block the peer; nothing counts as
    unread then.
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
    """A page of conversations. Pass `next` as `before` to get the next page."""

    epoch: str
    cursor: int
    conversations: list[ConversationView]
    next: int | None


class ConversationAnswer(Struct, frozen=True, kw_only=True):
    """One conversation."""

    epoch: str
    cursor: int
    conversation: ConversationView


class BeginRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either `to`, the peer of a direct conversation, or the `title` and `members` of a group.

    You need not list yourself in `members`. Repeating the request with the same `client_id` returns
    the same group.
    """

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
    """The message up to which the conversation is read. The mark never moves back."""

    up_to: PositiveInt


class DeliveredRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The message up to which your device has received all messages. The mark never moves back."""

    up_to: PositiveInt


class ConversationPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The changes: `archived` and `muted` apply to you; `title` renames a group for everybody."""

    archived: bool | UnsetType = UNSET
    muted: bool | UnsetType = UNSET
    title: Title | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.archived is UNSET and self.muted is UNSET and self.title is UNSET:
            raise ValueError("Expected `archived`, `muted` or `title`")


class ClearAnswer(Struct, frozen=True, kw_only=True):
    """The number of messages that are now hidden from you."""

    conversation_id: str
    count: int


class UnreadItem(Struct, frozen=True, kw_only=True):
    """The latest unread message of a conversation. `preview` has at most 120 code points."""

    conversation_id: str
    unread_count: int
    message_id: int
    seq: int
    sender_id: str
    sender_name: str | None
    preview: str
    created_at: datetime


class UnreadAnswer(Struct, frozen=True, kw_only=True):
    """Unread totals, and the five conversations with the latest unread messages.

    At most 1,000 messages of each conversation are counted. Muted and archived conversations are
    left out.
    """

    epoch: str
    cursor: int
    unread_count: int
    conversations: int
    items: list[UnreadItem]
