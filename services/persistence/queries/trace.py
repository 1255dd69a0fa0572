"""Owns the steps of any message for the operator, without its text."""

from services.persistence.queries.recent import Recent
from services.persistence.queries.sent import Sent, counts, reached
from services.persistence.queries.source import Source
from services.persistence.queries.timeline import steps
from shared.commands import MAX_TRACED, Trace, TraceAnswer
from shared.errors import NotFound

STORED = """
SELECT message_id, conversation_id, seq, sender_id, client_id, created_at, accepted_at, edited_at,
       deleted_at
FROM messages WHERE message_id = ?1
"""


def trace(source: Source, asked: Trace, recent: Recent) -> TraceAnswer:
    """Raises NotFound. Whether somebody may see the message does not matter."""
    found = source.fetch(STORED, (asked.message_id,))
    if not found:
        raise NotFound("There is no such message")
    message = Sent(*found[0])
    rows = reached(source, message, "", MAX_TRACED)
    return TraceAnswer(
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        sender_id=message.sender_id,
        client_id=message.client_id,
        **(counts(source, message))._asdict(),
        user_ids=[row[0] for row in rows],
        steps=steps(message, rows),
        transacted=recent.of(message.message_id),
    )
