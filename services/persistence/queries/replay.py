"""Owns the replay of a feed row: the current state of its event, encoded as a live event."""

from typing import Any, NamedTuple

import msgspec

from services.persistence.projection.conversation import (
    CHANGES,
    ConversationNow,
    GroupEvent,
    View,
    conversation_body,
    has_parted,
    parted_body,
    receipt_body,
)
from services.persistence.projection.message import (
    MESSAGE_WIDTH,
    MessageRow,
    deleted_body,
    message_body,
    reaction_body,
    updated_body,
)
from shared.commands import Event
from shared.frames import MAX_NAMED, Role

Row = tuple[Any, ...]

RECEIPT_COLUMNS = "f.conversation_id, f.actor_id, b.delivered_seq, b.read_seq, b.updated_at"
REACTION_COLUMNS = "r.user_id, r.emoji, r.removed"
CONVERSATION_COLUMNS = (
    "f.conversation_id, c.kind, c.title, c.version, "  # noqa: S608 - no values
    "(SELECT count(*) FROM members AS o WHERE o.conversation_id = c.conversation_id), "
    "(SELECT json_group_array(o.user_id) FROM (SELECT p.user_id FROM members AS p"
    f" WHERE p.conversation_id = c.conversation_id LIMIT {MAX_NAMED + 1}) AS o), "
    "g.version, g.actor_id, g.user_ids, f.user_id, "
    "v.version, v.cleared_seq, v.archived, v.muted, v.role, v.blocked"
)


class ReceiptRow(NamedTuple):
    """RECEIPT_COLUMNS: a reader's marks; NULL where they are no member any more."""

    conversation_id: str
    user_id: str
    delivered_seq: int
    read_seq: int
    at: int


class ReactionRow(NamedTuple):
    """REACTION_COLUMNS."""

    user_id: str | None
    emoji: str
    removed: bool


class ConversationRow(NamedTuple):
    """CONVERSATION_COLUMNS: a conversation, what happened to it, how `user_id` sees it. The lists
    of users are JSON; a user who is no member has no view."""

    conversation_id: str
    kind: str
    title: str | None
    version: int
    member_count: int
    members: str
    change_version: int
    actor_id: str
    user_ids: str | None
    user_id: str
    view_version: int | None
    cleared_seq: int
    archived: bool
    muted: bool
    role: Role
    blocked: bool


_RECEIPT = slice(MESSAGE_WIDTH, MESSAGE_WIDTH + len(ReceiptRow._fields))
_REACTION = slice(_RECEIPT.stop, _RECEIPT.stop + len(ReactionRow._fields))
_CONVERSATION = slice(_REACTION.stop, None)

_names = msgspec.json.Decoder(list[str])


def replayed(row: Row) -> Event:
    """Return a feed row as it is now: cursor, kind, created_at, whether its user may see what it is
    about (see FEED), then MESSAGE_, RECEIPT_, REACTION_ and CONVERSATION_COLUMNS.

    What is gone leaves a placeholder, so that the range has no hole (R7).
    """
    cursor, kind, at, visible, *columns = row
    if kind in CHANGES:
        changed = ConversationRow(*columns[_CONVERSATION])
        return Event(cursor, _changed(kind, changed), "", changed.conversation_id)
    if kind == "receipt":
        receipt = ReceiptRow(*columns[_RECEIPT])
        gone = not visible or receipt.read_seq is None
        return Event(cursor, b"" if gone else receipt_body(*receipt))
    if columns[0] is None or not (visible or kind == "message_hidden"):
        return Event(cursor, b"")
    found = MessageRow(*columns[:MESSAGE_WIDTH])
    if kind == "message":
        return Event(cursor, message_body(*found), "", found.conversation_id, found.seq)
    return Event(cursor, _revised(kind, at, found, ReactionRow(*columns[_REACTION])))


def _revised(kind: str, at: int, found: MessageRow, reaction: ReactionRow) -> bytes:
    """Empty where a later deletion took away what the row would tell."""
    place = found[:4]
    match kind:
        case "message_hidden":
            return deleted_body(*place, "me", at)
        case "message_deleted" if found.deleted_at is not None:
            return deleted_body(*place, "everyone", found.deleted_at)
        case "message_updated" if found.deleted_at is None and found.edited_at is not None:
            return updated_body(*place, found.content, found.edited_at)
        case "reaction" if reaction.user_id is not None:
            names = (found.message_id, found.conversation_id, found.version)
            return reaction_body(*names, reaction.user_id, reaction.emoji, bool(reaction.removed))
    return b""


def _changed(kind: str, row: ConversationRow) -> bytes:
    """Empty where its reader is no member any more."""
    event = None
    if row.user_ids is not None:
        event = GroupEvent(row.change_version, row.actor_id, _names.decode(row.user_ids))
        if has_parted(kind, event, row.user_id):
            return parted_body(kind, row.conversation_id, event)
    if row.view_version is None:
        return b""
    members = _names.decode(row.members)
    group = (row.kind, row.title, row.version, row.member_count, members)
    view = View(row.view_version, row.cleared_seq, row.archived, row.muted, row.role, row.blocked)
    return conversation_body(kind, ConversationNow(row.conversation_id, *group), event, view)
