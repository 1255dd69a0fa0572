"""Owns the bodies that tell how far a message has come."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

StepName = Literal[
    "accepted", "committed", "notification", "delivered", "read", "edited", "deleted"
]
Channel = Literal["email"]
Outcome = Literal["waiting", "sending", "sent", "failed", "unknown", "cancelled", "no_address"]


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


class StepView(Struct, frozen=True, kw_only=True):
    """One step of a message, or of one member with it. `at` is null where it is not known, and
    of a notification that has not come to its end."""

    step: StepName
    at: datetime | None
    user_id: str | UnsetType = UNSET
    channel: Channel | UnsetType = UNSET
    outcome: Outcome | UnsetType = UNSET
    due_at: datetime | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class TimelineAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/messages/{id}/timeline: steps in the order of their time, those without one last.
    Of members the first 32 by user id are named; the counts are of all it was for. Without an
    answer of notify its steps are missing, and `notifications` says so."""

    epoch: str
    cursor: int
    message_id: int
    conversation_id: str
    seq: int
    client_id: str
    member_count: int
    delivered_count: int
    read_count: int
    notifications: Literal["complete", "unavailable"]
    steps: list[StepView]
