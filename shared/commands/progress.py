"""Owns the queries for the progress of a message, and their answers.

Only who sent it may ask, and the operator about any. What persistence knows and what notify knows
are asked for apart.
"""

from msgspec import Struct

MAX_TRACED = 200  # recipients in an answer to the operator


class Receipts(Struct, frozen=True, kw_only=True, tag="receipts"):
    """Asks for the recipients of a message of the user, by user id, and their marks.

    `after`: the `next` of the page before.
    """

    user_id: str
    message_id: int
    after: str = ""
    limit: int = 50


class Timeline(Struct, frozen=True, kw_only=True, tag="timeline"):
    """Asks for the timeline of a message of the user."""

    user_id: str
    message_id: int


class Step(Struct, frozen=True, array_like=True):
    """A step of a message. `at` is None if the moment is not known. `user_id` names the member
    whose step it is."""

    step: str
    at: int | None
    user_id: str = ""


class TimelineAnswer(Struct, frozen=True, kw_only=True):
    """The steps in no order. `user_ids` are the first MAX_NAMED recipients, whose steps they are;
    the counts are of all."""

    epoch: str
    cursor: int
    message_id: int
    conversation_id: str
    seq: int
    client_id: str
    member_count: int
    delivered_count: int
    read_count: int
    user_ids: list[str]
    steps: list[Step]


class NotificationSteps(Struct, frozen=True, kw_only=True, tag="steps"):
    """Asks notify what became of this message's notifications to these users."""

    conversation_id: str
    seq: int
    user_ids: list[str]


class NotificationStep(Struct, frozen=True, array_like=True):
    """The end of a notification, or what it waits for. `at` is when it came to its end, and
    `due_at` is there while it waits. `reason` is a word or an SMTP code, never an address or a
    server's own text."""

    user_id: str
    channel: str
    outcome: str
    at: int | None
    due_at: int | None = None
    reason: str = ""


class NotificationStepsAnswer(Struct, frozen=True, kw_only=True):
    """The steps, at most one for each user and channel."""

    steps: list[NotificationStep]


class Trace(Struct, frozen=True, kw_only=True, tag="trace"):
    """Asks for the steps of any message, for the operator."""

    message_id: int


class Transacted(Struct, frozen=True, array_like=True, gc=False):
    """A transaction that stored the messages from `first_id` to `last_id`.

    It carried `commands` in `batches` of one lane each, and told `events` to `users`.
    `committed_at`: when all was on the disk. `told_at`: when all was told and answered.
    """

    first_id: int
    last_id: int
    batches: int
    commands: int
    messages: int
    events: int
    users: int
    committed_at: int
    told_at: int


class TraceAnswer(Struct, frozen=True, kw_only=True):
    """Like TimelineAnswer, for the first MAX_TRACED recipients. `transacted` is None if unknown."""

    message_id: int
    conversation_id: str
    seq: int
    sender_id: str
    client_id: str
    member_count: int
    delivered_count: int
    read_count: int
    user_ids: list[str]
    steps: list[Step]
    transacted: Transacted | None


class NotificationTrace(Struct, frozen=True, kw_only=True, tag="trace"):
    """Asks notify what is kept of this message's notifications to these users."""

    conversation_id: str
    seq: int
    user_ids: list[str]


class NotificationState(Struct, frozen=True, array_like=True):
    """A group of unread messages. `due_at`: of the next attempt, while it waits. `reason`: a word,
    an SMTP code or the name of an error, never an address or a server's own text."""

    notification_id: str
    user_id: str
    channel: str
    state: str
    reason: str
    attempts: int
    opened_at: int
    due_at: int | None
    closed_at: int | None


class NotificationTraceAnswer(Struct, frozen=True, kw_only=True):
    """The states, at most one for each user and channel."""

    notifications: list[NotificationState]
