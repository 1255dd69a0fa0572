"""Owns the bodies of the HTTP API that tell how far a message has come."""

from datetime import datetime

from msgspec import Struct


class ReceiptView(Struct, frozen=True, kw_only=True):
    """Whether one member has it, and since when; null where that is no longer kept."""

    user_id: str
    name: str | None
    avatar: str | None
    delivered: bool
    read: bool
    delivered_at: datetime | None
    read_at: datetime | None


class ReceiptsAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/messages/{id}/receipts, by user id. The counts are of all it was for, whatever the
    page; `next` is the next page's `after`."""

    epoch: str
    cursor: int
    message_id: int
    conversation_id: str
    seq: int
    member_count: int
    delivered_count: int
    read_count: int
    receipts: list[ReceiptView]
    next: str | None
