"""Owns the state that a transaction reads, as values: no I/O, no decisions."""

from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from shared.clock import SECOND
from shared.commands import Standing
from shared.frames.fields import Role


@dataclass(slots=True)
class Member:
    """A member of a conversation, with their marks and settings.

    They see no message up to `cleared_seq`, which also hides what was said before they joined.
    `sent_seq` is that of their own latest message, and is kept in groups. `blocked` says that they
    block the other side of a direct conversation. For `recency`, see Transaction.bring_up.
    """

    delivered_seq: int = 0
    read_seq: int = 0
    cleared_seq: int = 0
    archived: bool = False
    muted: bool = False
    version: int = 1
    role: Role = "member"
    joined_at: int = 0
    sent_seq: int = 0
    blocked: bool = False
    recency: int = 0


@dataclass(slots=True)
class Conversation:
    """A conversation with its members.

    `last_message_id` is its place in the inboxes: the id of its last message, or of what it began
    with. `version` counts what happened to a group; a member's own view has one of its own. A
    repeat of the request that made the group must match `created_hash`. `last_sender` wrote the
    last message, and `others_seq` is that message's (see Said).
    """

    kind: str
    last_seq: int
    last_message_id: int
    members: dict[str, Member]
    created_at: int
    title: str | None = None
    version: int = 0
    created_hash: bytes | None = None
    last_sender: str | None = None
    others_seq: int = 0


@dataclass(slots=True)
class Head:
    """The end of a user's feed, the time until which their message rate is used up, and whether
    the user is erased."""

    head: int = 0
    rate_at: int = 0
    erased: bool = False


class Message(Struct, frozen=True, gc=False):
    """A stored message without its content, as far as decisions need it."""

    message_id: int
    conversation_id: str
    seq: int
    sender_id: str
    client_id: str
    content_hash: bytes
    created_at: int
    version: int = 1
    reply_to: int | None = None
    deleted_at: int | None = None


class Reaction(Struct, frozen=True, gc=False):
    """One emoji of one user on a message; it keeps its number for ever."""

    number: int
    removed: bool


AttachmentState = Literal["reserved", "uploaded", "attached", "condemned"]


class Attachment(Struct, frozen=True, gc=False):
    """The record of an upload. Nothing is known of its bytes before it is uploaded."""

    attachment_id: str
    owner_id: str
    state: AttachmentState
    created_at: int
    name: str
    media_type: str = ""
    size: int = 0
    width: int | None = None
    height: int | None = None
    thumbnail: bool = False
    message_id: int | None = None
    position: int = 0


class Ticket(Struct, frozen=True):
    """One socket of that user until `expires_at`; the socket lives as long as their token."""

    user_id: str
    expires_at: int
    token_expires_at: int
    token_issued_at: int = 0
    token_id: str = ""


class Report(Struct, frozen=True, gc=False):
    """A report about a user, or about a version of their message."""

    report_id: str
    reporter_id: str
    user_id: str
    message_id: int | None
    version: int | None
    reason: str
    comment: str
    request_hash: bytes
    created_at: int


class Fence(Struct, frozen=True):
    """The number of a lane's newest batch, and what it was answered (R1)."""

    number: int
    results: bytes


@dataclass(slots=True, frozen=True)
class Limits:
    """The limits of what users may do; a rate or window of 0 sets no limit.

    A user may store `burst` messages at once, and `rate` a second. A message may be edited, and
    deleted for everyone, for the seconds of the two windows. `group_history` says whether those who
    join a group see what was said before. An upload that no message has is given up after
    `unsent_for` seconds, and an entry of the audit log is kept for `audit_log_keep` seconds; 0
    keeps it for ever. If `contacts_only`, users write to their contacts only.
    """

    burst: int
    rate: float
    edit_window: float = 86_400.0
    delete_window: float = 86_400.0
    group_history: bool = False
    unsent_for: float = 86_400.0
    audit_log_keep: float = 0.0
    contacts_only: bool = False


@dataclass(slots=True)
class State:
    """The rows that the commands name, as the transaction read them. `now` in microseconds."""

    now: int
    hash_key: bytes
    limits: Limits
    last_message_id: int = 0
    last_n: int = 0
    fences: dict[str, Fence] = field(default_factory=dict)
    heads: dict[str, Head] = field(default_factory=dict)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    messages: dict[tuple[str, str], Message] = field(default_factory=dict)
    messages_by_id: dict[int, Message] = field(default_factory=dict)
    hidden: set[tuple[int, str]] = field(default_factory=set)
    reactions: dict[int, dict[tuple[str, str], Reaction]] = field(default_factory=dict)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    attachments: dict[str, Attachment] = field(default_factory=dict)
    unsent: dict[str, int] = field(default_factory=dict)  # uploads by owner
    blocks: set[tuple[str, str]] = field(default_factory=set)  # who blocks, who is blocked
    contacts: set[tuple[str, str]] = field(default_factory=set)  # read if only contacts may write
    reports: dict[str, Report] = field(default_factory=dict)

    @property
    def unsent_before(self) -> int:
        """An upload older than that which no message has is given up."""
        return self.now - int(self.limits.unsent_for * SECOND)
