"""Owns the questions about webhooks, to persistence and to notify, and their answers.

Persistence tells what happened as references (facts), and what they mean now when an event is sent
(details): no text of users is kept anywhere else.
"""

from typing import Literal

from msgspec import Struct

from shared.frames.fields import EventType

MAX_FACT_ROWS = 1000  # rows of the log looked at for one page
MAX_DETAILS = 64  # facts in one question


class FactPage(Struct, frozen=True, kw_only=True, tag="facts"):
    """Asks for what happened after a follower's position. Asking registers it, as in a LogPage.

    With `at_end`, the answer has no facts, and its position is the end of the log.
    """

    follower: str
    positions: dict[str, int]
    epoch: str = ""
    limit: int = MAX_FACT_ROWS
    at_end: bool = False


class Fact(Struct, frozen=True, array_like=True):
    """One thing that happened, as references.

    `writer` and `n` are its place in the log. `kind` is that of a feed row, or "report". Which of
    the ids are there depends on it: `about` is that of a message or of a change of a group, and
    `seq` is that of a message, or a read mark. `actor_id` is who did it.
    """

    writer: str
    n: int
    kind: str
    conversation_id: str
    about: int
    seq: int
    actor_id: str
    report_id: str
    created_at: int


class FactPageAnswer(Struct, frozen=True, kw_only=True):
    """A page of facts, which reaches to `positions`. `ends` is the end of the log, by writer."""

    epoch: str
    facts: list[Fact]
    more: bool
    positions: dict[str, int]
    ends: dict[str, int]


class Details(Struct, frozen=True, kw_only=True, tag="details"):
    """Asks what these facts are about, as it is now. At most MAX_DETAILS."""

    facts: list[Fact]


class DetailsAnswer(Struct, frozen=True, kw_only=True):
    """The details of the facts, as JSON objects in the order asked: as many as the bus carries at
    once, at least one. A detail is empty if all that the fact is about is gone."""

    details: list[bytes]


class LeaveLog(Struct, frozen=True, kw_only=True, tag="leave_log"):
    """Tells that the follower reads no more: nothing need be kept for it."""

    follower: str


class LeftLog(Struct, frozen=True, kw_only=True):
    """The answer to LeaveLog."""


class Webhook(Struct, frozen=True, kw_only=True):
    """A webhook and its state. `off`: empty while events are sent, or why not: "asked" by the host,
    or the answer that switched it off.

    `waiting`: events to be sent; the log may have more. `dead`: events that were given up.
    `reason`: of the last failure since an event was delivered. `behind`: seconds since which the
    oldest one has been waiting.
    """

    webhook_id: str
    url: str
    events: list[EventType]
    off: str = ""
    created_at: int
    updated_at: int
    delivered: int = 0
    waiting: int = 0
    dead: int = 0
    breaker: Literal["closed", "half_open", "open"] = "closed"
    reason: str = ""
    behind: float = 0.0


class PutWebhook(Struct, frozen=True, kw_only=True, tag="put_webhook"):
    """Register a webhook, or change it. An empty `secret` keeps the one that is there, or makes
    one. Refused as InvalidRequest, which names the field."""

    webhook_id: str
    url: str
    events: list[EventType]
    enabled: bool = True
    secret: str = ""


class PutWebhookAnswer(Struct, frozen=True, kw_only=True):
    """The stored webhook. `secret` is set only if it was made now."""

    webhook: Webhook
    created: bool
    secret: str = ""


class Webhooks(Struct, frozen=True, kw_only=True, tag="webhooks"):
    """Asks for all webhooks, or for one. Refused as NotFound if there is no such webhook."""

    webhook_id: str = ""


class WebhooksAnswer(Struct, frozen=True, kw_only=True):
    webhooks: list[Webhook]


class DeleteWebhook(Struct, frozen=True, kw_only=True, tag="delete_webhook"):
    """Delete a webhook with the events that wait for it. Without effect if there is none."""

    webhook_id: str


class DeleteWebhookAnswer(Struct, frozen=True, kw_only=True):
    deleted: bool


class DeadEvents(Struct, frozen=True, kw_only=True, tag="dead_events"):
    """Asks for the events of a webhook that were given up, the latest first."""

    webhook_id: str
    limit: int = 50


class DeadEvent(Struct, frozen=True, kw_only=True):
    """An event that was given up. `reason` is a word or an HTTP status, never a server's text."""

    event_id: str
    event_type: EventType
    conversation_id: str
    attempts: int
    reason: str
    created_at: int
    closed_at: int


class DeadEventsAnswer(Struct, frozen=True, kw_only=True):
    events: list[DeadEvent]


class ReplayEvents(Struct, frozen=True, kw_only=True, tag="replay_events"):
    """Send these events of a webhook again, or all that were given up."""

    webhook_id: str
    event_ids: list[str] = []


class ReplayEventsAnswer(Struct, frozen=True, kw_only=True):
    """The number of events that wait to be sent again."""

    count: int


class TryWebhook(Struct, frozen=True, kw_only=True, tag="try_webhook"):
    """Send a test event to a webhook at once, and tell how it is answered. It is not repeated."""

    webhook_id: str


class TriedWebhook(Struct, frozen=True, kw_only=True):
    """The answer to a test event. `reason` is empty if it was accepted."""

    event_id: str
    reason: str
    took_ms: int
