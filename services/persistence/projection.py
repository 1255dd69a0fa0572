"""Owns how a row becomes a frame: the same body for a live event, a replay and a page."""

from typing import Any

import msgspec
from msgspec import UNSET

from shared import frames
from shared.commands import Event
from shared.frames import DeleteMode

Row = tuple[Any, ...]

MESSAGE_COLUMNS = (
    "m.message_id, m.conversation_id, m.seq, m.version, m.sender_id, m.client_id, m.content, "
    "m.created_at, m.updated_at, m.reply_to, m.edited_at, m.deleted_at, "
    "(SELECT json_group_array(json_array(s.emoji, s.user_id)) FROM (SELECT t.emoji, t.user_id"
    " FROM reactions AS t WHERE t.message_id = m.message_id AND NOT t.removed"
    " ORDER BY t.number) AS s)"
)
MESSAGE_WIDTH = 13
CONTENT = 6  # among them
RECEIPT_COLUMNS = "f.conversation_id, f.actor_id, b.delivered_seq, b.read_seq, b.updated_at"
RECEIPT_WIDTH = 5
REACTION_COLUMNS = "r.user_id, r.emoji, r.removed"
VIEW_COLUMNS = "b.version, b.cleared_seq, b.archived, b.muted"
CONVERSATION_COLUMNS = (
    "c.kind, (SELECT json_group_array(o.user_id) FROM members AS o"  # noqa: S608 - no values
    f" WHERE o.conversation_id = c.conversation_id), {VIEW_COLUMNS}"
)
REACTION_WIDTH = 3
CHANGES: dict[str, frames.Change] = {"begun": "begun", "cleared": "cleared", "set": "settings"}

_pairs = msgspec.json.Decoder(list[tuple[str, str]])
_names = msgspec.json.Decoder(list[str])


def message(row: Row) -> frames.Message:
    """From MESSAGE_COLUMNS, in that order."""
    message_id, conversation_id, seq, version, sender_id, client_id, content, *rest = row
    created_at, updated_at, reply_to, edited_at, deleted_at, reactions = rest
    return frames.Message(
        message_id=message_id,
        conversation_id=conversation_id,
        seq=seq,
        version=version,
        sender_id=sender_id,
        client_id=client_id,
        content=content,
        reply_to=UNSET if reply_to is None else reply_to,
        reactions=_reactions(reactions) or UNSET,
        created_at=frames.time_of(created_at),
        updated_at=frames.time_of(updated_at),
        edited_at=UNSET if edited_at is None else frames.time_of(edited_at),
        deleted_at=UNSET if deleted_at is None else frames.time_of(deleted_at),
    )


def message_size(row: Row) -> int:
    """Bytes that MESSAGE_COLUMNS take in JSON, but for what does not vary much."""
    return len(msgspec.json.encode(row[6])) + len((row[12] or "").encode())


def _reactions(pairs: str) -> list[frames.Reactions]:
    found: dict[str, list[str]] = {}
    if pairs != "[]":
        for emoji, user_id in _pairs.decode(pairs):
            found.setdefault(emoji, []).append(user_id)
    return [frames.Reactions(emoji=emoji, user_ids=users) for emoji, users in found.items()]


def updated_body(
    message_id: int, conversation_id: str, seq: int, version: int, content: str, edited_at: int
) -> bytes:
    return frames.encode(
        frames.MessageUpdated(
            message_id=message_id,
            conversation_id=conversation_id,
            seq=seq,
            version=version,
            content=content,
            edited_at=frames.time_of(edited_at),
            updated_at=frames.time_of(edited_at),
        )
    )


def deleted_body(
    message_id: int, conversation_id: str, seq: int, version: int, mode: DeleteMode, at: int
) -> bytes:
    return frames.encode(
        frames.MessageDeleted(
            message_id=message_id,
            conversation_id=conversation_id,
            seq=seq,
            version=version,
            mode=mode,
            deleted_at=frames.time_of(at),
        )
    )


def reaction_body(
    message_id: int, conversation_id: str, version: int, user_id: str, emoji: str, removed: bool
) -> bytes:
    return frames.encode(
        frames.Reaction(
            message_id=message_id,
            conversation_id=conversation_id,
            version=version,
            user_id=user_id,
            emoji=emoji,
            removed=removed,
        )
    )


def conversation_body(
    kind: str, conversation_id: str, conversation: str, members: list[str], view: Row
) -> bytes:
    """`kind` of the feed's row says what changed; `view`: VIEW_COLUMNS."""
    version, cleared_seq, archived, muted = view
    return frames.encode(
        frames.Conversation(
            conversation_id=conversation_id,
            version=version,
            kind=conversation,
            members=sorted(members),
            change=CHANGES[kind],
            cleared_seq=cleared_seq,
            archived=bool(archived),
            muted=bool(muted),
        )
    )


def receipt_body(
    conversation_id: str, user_id: str, delivered_seq: int, read_seq: int, at: int
) -> bytes:
    return frames.encode(
        frames.Receipt(
            conversation_id=conversation_id,
            user_id=user_id,
            delivered_seq=delivered_seq,
            read_seq=read_seq,
            at=frames.time_of(at),
        )
    )


def replayed(row: Row) -> Event:
    """A feed row as it is now: cursor, kind, created_at, whether its user may see the message,
    then MESSAGE_, RECEIPT_, REACTION_ and CONVERSATION_COLUMNS.

    What is gone leaves a placeholder, so that the range has no hole (R7).
    """
    cursor, kind, at, visible, *rest = row
    found, rest = rest[:MESSAGE_WIDTH], rest[MESSAGE_WIDTH:]
    if kind == "message" and visible and found[0] is not None:
        body = frames.encode(message(tuple(found)))
        return Event(cursor, body, "", found[1], found[2])
    if kind == "receipt" and rest[2] is not None:
        return Event(cursor, receipt_body(*rest[:RECEIPT_WIDTH]))
    if kind in CHANGES and rest[2] is not None:
        return Event(cursor, _changed(kind, rest[0], *rest[RECEIPT_WIDTH + REACTION_WIDTH :]))
    if found[0] is not None and (visible or kind == "message_hidden"):
        return Event(
            cursor, _revised(kind, at, tuple(found), tuple(rest[RECEIPT_WIDTH:][:REACTION_WIDTH]))
        )
    return Event(cursor, b"")


def _revised(kind: str, at: int, found: Row, reaction: Row) -> bytes:
    """Empty where a later deletion took away what the row would tell."""
    message_id, conversation_id, seq, version, content = *found[:4], found[6]
    edited_at, deleted_at = found[10], found[11]
    match kind:
        case "message_hidden":
            return deleted_body(message_id, conversation_id, seq, version, "me", at)
        case "message_deleted" if deleted_at is not None:
            return deleted_body(message_id, conversation_id, seq, version, "everyone", deleted_at)
        case "message_updated" if deleted_at is None:
            return updated_body(message_id, conversation_id, seq, version, content, edited_at)
        case "reaction" if reaction[0] is not None:
            user_id, emoji, removed = reaction
            return reaction_body(
                message_id, conversation_id, version, user_id, emoji, bool(removed)
            )
    return b""


def _changed(kind: str, place: str, conversation: str, members: str, *view: Any) -> bytes:
    return conversation_body(kind, place, conversation, _names.decode(members), view)
