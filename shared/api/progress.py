"""Owns the bodies of a message's receipts and timeline."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

StepName = Literal[
    "accepted", "committed", "notification", "delivered", "read", "edited", "deleted"
]
Channel = Literal["email", "push"]
Outcome = Literal["waiting", "sending", "sent", "failed", "unknown", "cancelled", "no_address"]


class ReceiptView(Struct, frozen=True, kw_only=True):
    """The receipts of one member. A time is null if it is not known."""

    user_id: str
    name: str | None
    avatar: str | None
    delivered: bool
    read: bool
    delivered_at: datetime | None
    read_at: datetime | None


class ReceiptsAnswer(Struct, frozen=True, kw_only=True):
    """A page of receipts, ordered by user id. Pass `next` as `after` to get the next page.

    The counts cover all recipients, not only those on this page.
    """

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
    """One step of a message. `user_id` names the recipient whom the step concerns, if any.

    `at` is null if the time is not known, or if a notification is still pending.
    """

    step: StepName
    at: datetime | None
    user_id: str | UnsetType = UNSET
    channel: Channel | UnsetType = UNSET
    outcome: Outcome | UnsetType = UNSET
    due_at: datetime | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class TimelineAnswer(Struct, frozen=True, kw_only=True):
    """The steps of a message in order of time. Steps without a time come last, except `accepted`.

    Steps are listed for the first 32 recipients by user id; the counts cover all of them.
    `notifications` is `unavailable` if the notification steps are missing because the notify
    service did not answer.
    """

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
