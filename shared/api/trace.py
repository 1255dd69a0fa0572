"""Owns the body of the operator's route about the way of a message."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

TraceStepName = Literal[
    "accepted", "committed", "delivered", "read", "edited", "deleted", "email", "push"
]


class TraceStep(Struct, frozen=True, kw_only=True):
    """One step of a message.

    `at` is null if the time is not known, or if an e-mail or push is still pending; it is due
    at `due_at`. For an e-mail or push, `outcome` is its state, `reason` a word or the last reply
    that refused it (such as `smtp_550`), `attempts` the number of attempts that failed,
    and `opened_at` the time at which the message was first found unread.
    """

    step: TraceStepName
    at: datetime | None
    user_id: str | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    attempts: int | UnsetType = UNSET
    opened_at: datetime | UnsetType = UNSET
    due_at: datetime | UnsetType = UNSET


class TraceTransaction(Struct, frozen=True, kw_only=True):
    """The transaction that stored a message.

    `waited_ms` is the time from the gateway to the transaction, including the queues and the bus,
    or null if it is not known. `commit_ms` is the time until the message was on the disk, and
    `told_ms` the time from then until the events were sent and the gateway was answered.
    `batches`, `commands` and `messages` are the numbers of each in the transaction, `events` is the
    number of events that were sent, and `users` the number of users who got them.
    """

    waited_ms: float | None
    commit_ms: float
    told_ms: float
    batches: int
    commands: int
    messages: int
    events: int
    users: int


class TraceAnswer(Struct, frozen=True, kw_only=True):
    """The steps of a message, in order of time; steps without a time come last.

    Steps are listed for the first 200 recipients by user id; the counts cover all of them.
    `transaction` is null if it is no longer known. `notifications` is `unavailable` if the
    e-mails and pushes are missing because the notify service did not answer.
    """

    message_id: int
    conversation_id: str
    seq: int
    sender_id: str
    client_id: str
    member_count: int
    delivered_count: int
    read_count: int
    shown_count: int
    notifications: Literal["complete", "unavailable"]
    transaction: TraceTransaction | None
    steps: list[TraceStep]
