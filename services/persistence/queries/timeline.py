"""Owns the timeline of a message: its own steps, and those of the first members."""

from collections.abc import Iterable

from services.persistence.queries.sent import Sent, counts, reached, sent
from services.persistence.queries.source import Source
from services.persistence.store.connections import Row
from shared.commands import Step, Timeline, TimelineAnswer
from shared.frames import MAX_NAMED


def timeline(source: Source, asked: Timeline) -> TimelineAnswer:
    message = sent(source, asked.user_id, asked.message_id)
    rows = reached(source, message, "", MAX_NAMED)
    return TimelineAnswer(
        epoch=source.epoch,
        cursor=source.head(asked.user_id),
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        client_id=message.client_id,
        **(counts(source, message))._asdict(),
        user_ids=[row[0] for row in rows],
        steps=steps(message, rows),
    )


def steps(message: Sent, rows: Iterable[Row]) -> list[Step]:
    """Return the steps of the message, and those of the members in these rows."""
    return [*_own(message), *(step for row in rows for step in _of_member(row))]


def _own(message: Sent) -> Iterable[Step]:
    yield Step("accepted", message.accepted_at)
    yield Step("committed", message.created_at)
    if message.edited_at is not None:
        yield Step("edited", message.edited_at)
    if message.deleted_at is not None:
        yield Step("deleted", message.deleted_at)


def _of_member(row: Row) -> Iterable[Step]:
    user_id, _, _, delivered, read, delivered_at, read_at = row
    if delivered:
        yield Step("delivered", delivered_at, user_id)
    if read:
        yield Step("read", read_at, user_id)
