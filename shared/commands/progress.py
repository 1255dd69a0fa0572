"""Owns the questions of how far a message has come, and their answers.

Only who sent it may ask. What persistence knows and what notify knows are asked for apart.
"""

from msgspec import Struct


class Receipts(Struct, frozen=True, kw_only=True, tag="receipts"):
    """Whom this message of the user's was for, by user id, and who has it.

    `after`: the `next` of the page before.
    """

    user_id: str
    message_id: int
    after: str = ""
    limit: int = 50


class Timeline(Struct, frozen=True, kw_only=True, tag="timeline"):
    """What has become of this message of the user's so far?"""

    user_id: str
    message_id: int


class Step(Struct, frozen=True, array_like=True):
    """`at`: None where the moment is not known. `user_id`: the member's whose step it is."""

    step: str
    at: int | None
    user_id: str = ""


class TimelineAnswer(Struct, frozen=True, kw_only=True):
    """Steps in no order. `user_ids`: the first MAX_NAMED it was for, whose steps they are; the
    counts are of all."""

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
    """Asked of notify, as `steps`: what became of this message's notifications to these users?"""

    conversation_id: str
    seq: int
    user_ids: list[str]


class NotificationStep(Struct, frozen=True, array_like=True):
    """`at`: when it came to its end. `due_at`: while it waits. `reason`: a word or an SMTP code,
    never an address or a server's own text."""

    user_id: str
    channel: str
    outcome: str
    at: int | None
    due_at: int | None = None
    reason: str = ""


class NotificationStepsAnswer(Struct, frozen=True, kw_only=True):
    """At most one for each user and channel."""

    steps: list[NotificationStep]
