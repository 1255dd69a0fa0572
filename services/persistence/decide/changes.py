"""Owns the changes that a transaction writes, as values: facts, and their feed rows.

A fact is one object, which the feed rows of all its hearers share. Its `kind` is stored in them.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from msgspec import Struct

from services.persistence.decide.state import (
    Attachment,
    Fence,
    Message,
    Reaction,
    Report,
    State,
    Ticket,
)
from shared.commands import BatchReply, PutUser, RecordChange


class Said(Struct, frozen=True, gc=False):
    """A new message. `accepted_at`: when a gateway took it. `others_seq`: the `seq` after which all
    messages up to this one are its sender's."""

    kind: ClassVar = "message"
    message: Message
    content: str
    attachments: tuple[Attachment, ...] = ()
    accepted_at: int = 0
    others_seq: int = 0


class Edited(Struct, frozen=True, gc=False):
    kind: ClassVar = "message_updated"
    message: Message
    content: str


class Erased(Struct, frozen=True, gc=False):
    """Deleted for everyone: only the tombstone stays."""

    kind: ClassVar = "message_deleted"
    message: Message


class Hidden(Struct, frozen=True, gc=False):
    """Deleted for one user."""

    kind: ClassVar = "message_hidden"
    message: Message
    user_id: str


class Reacted(Struct, frozen=True, gc=False):
    kind: ClassVar = "reaction"
    message: Message
    user_id: str
    emoji: str
    reaction: Reaction


Revised = Edited | Erased | Hidden | Reacted


class Marked(Struct, frozen=True, gc=False):
    """A member's marks moved up to these; None: that mark did not move."""

    kind: ClassVar = "receipt"
    conversation_id: str
    user_id: str
    delivered_seq: int | None
    read_seq: int | None


class Seen(Struct, frozen=True, gc=False):
    """A member's view of the conversation changed: it was `begun`, `cleared` or `set`."""

    conversation_id: str
    user_id: str
    kind: str


class Changed(Struct, frozen=True, gc=False):
    """A change of a group, one for all its members. `change_id` counts with the message ids."""

    change_id: int
    conversation_id: str
    version: int
    kind: str
    actor_id: str
    user_ids: tuple[str, ...]


class Vanished(Struct, frozen=True, gc=False):
    """A user is erased, which followers of the log are told: `erasing` at first, and `erased` when
    nothing is left."""

    user_id: str
    kind: str


Fact = Said | Revised | Marked | Seen | Changed | Vanished


class FeedRow(Struct, frozen=True, gc=False):
    """A row of one user's feed. `origin` goes out with the live event and is not stored."""

    user_id: str
    cursor: int
    n: int
    fact: Fact
    origin: str = ""


@dataclass(slots=True)
class Changes:
    """The rows to write. The sets name what changed in the state; a named member who has left it is
    deleted. The lists are new rows. A ticket that is None was used up."""

    messages: list[Said] = field(default_factory=list)
    revisions: list[Revised] = field(default_factory=list)
    group_changes: list[Changed] = field(default_factory=list)
    feed: list[FeedRow] = field(default_factory=list)
    heads: set[str] = field(default_factory=set)
    conversations: set[str] = field(default_factory=set)
    members: set[tuple[str, str]] = field(default_factory=set)
    brought_up: set[tuple[str, str]] = field(default_factory=set)  # members, in their inboxes
    attachments: set[str] = field(default_factory=set)
    profiles: list[PutUser] = field(default_factory=list)
    fences: dict[str, Fence] = field(default_factory=dict)
    tickets: dict[str, Ticket | None] = field(default_factory=dict)
    standings: set[str] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    blocks: set[tuple[str, str]] = field(default_factory=set)
    contacts: dict[tuple[str, str], bool] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    audited: list[RecordChange] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)  # users, from now on
    finished: list[str] = field(default_factory=list)  # users of whom nothing is left
    disowned: list[int] = field(default_factory=list)  # messages that lose their client ids


@dataclass(slots=True)
class Decision:
    state: State
    changes: Changes
    replies: list[BatchReply]
