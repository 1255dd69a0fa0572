"""Owns how a row becomes a frame: the same body for a live event, a replay and a page."""

from typing import Any

from shared import frames
from shared.commands import Event

Row = tuple[Any, ...]

MESSAGE_COLUMNS = (
    "m.message_id, m.conversation_id, m.seq, m.version, m.sender_id, m.client_id, m.content, "
    "m.created_at, m.updated_at"
)
MESSAGE_WIDTH = 9


def message(row: Row) -> frames.Message:
    """From MESSAGE_COLUMNS, in that order."""
    message_id, conversation_id, seq, version, sender_id, client_id, content, created, updated = row
    return frames.Message(
        message_id=message_id,
        conversation_id=conversation_id,
        seq=seq,
        version=version,
        sender_id=sender_id,
        client_id=client_id,
        content=content,
        created_at=frames.time_of(created),
        updated_at=frames.time_of(updated),
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


def replayed(cursor: int, message_row: Row, receipt_row: Row) -> Event:
    """A feed row as it is now. What is gone leaves a placeholder, so that the range has no hole."""
    if message_row[0] is not None:
        found = message(message_row)
        return Event(cursor, frames.encode(found), "", found.conversation_id, found.seq)
    if receipt_row[2] is not None:
        return Event(cursor, receipt_body(*receipt_row))
    return Event(cursor, b"")
