"""Owns the pages of a message's receipts: its recipients, their marks, and the times."""

from services.persistence.queries.sent import counts, reached, sent
from services.persistence.queries.source import Source, fit, page_size
from services.persistence.store.connections import Row
from shared import api, frames
from shared.commands import Receipts, Snapshot


def receipts(source: Source, asked: Receipts) -> Snapshot:
    message = sent(source, asked.user_id, asked.message_id)
    limit = page_size(asked.limit)
    rows = reached(source, message, asked.after, limit + 1)
    shown = fit(api.encode(_receipt(row)) for row in rows[:limit])
    body = api.ReceiptsAnswer(
        epoch=source.epoch,
        cursor=source.head(asked.user_id),
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        **(counts(source, message))._asdict(),
        receipts=shown,
        next=rows[len(shown) - 1][0] if len(rows) > len(shown) else None,
    )
    return Snapshot(body=api.encode(body))


def _receipt(row: Row) -> api.ReceiptView:
    user_id, name, avatar, delivered, read, delivered_at, read_at = row
    return api.ReceiptView(
        user_id=user_id,
        name=name,
        avatar=avatar,
        delivered=bool(delivered),
        read=bool(read),
        delivered_at=None if delivered_at is None else frames.time_of(delivered_at),
        read_at=None if read_at is None else frames.time_of(read_at),
    )
