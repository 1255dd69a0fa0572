"""Owns the bodies of the routes of webhooks, and of the events that webhooks receive."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from msgspec import UNSET, Meta, Struct, UnsetType, field

from shared.frames import (
    Change,
    EventId,
    EventType,
    HttpsUrl,
    Message,
    Reason,
    WebhookSecret,
)

EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)


class WebhookRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook: the URL that receives the events, and their types.

    Without `events`, it receives all types. Without `secret`, it keeps the one that it has; a new
    webhook gets one. Without `enabled`, it is enabled, also if it was switched off. A webhook that
    is not `enabled` receives nothing until it is enabled again, and then gets what happened
    meanwhile.
    """

    url: HttpsUrl
    events: Annotated[list[EventType], Meta(min_length=1, max_length=20)] = field(
        default_factory=lambda: list(EVENT_TYPES)
    )
    enabled: bool = True
    secret: WebhookSecret | UnsetType = UNSET


class WebhookAnswer(Struct, frozen=True, kw_only=True):
    """A webhook and its state. `secret` is present only in the answer to the request that registers
    the webhook, and only if that request has none.

    `off` says why nothing is sent: `asked` if a request switched the webhook off, or `http_410` if
    the receiver answered 410. It is null while events are sent. `waiting` events are to be sent,
    `dead` ones were given up, and `delivered` ones were accepted. `reason` is that of the last
    failure, or null if an event has been accepted since. `breaker` is `open` while the receiver
    fails; then it gets a single request from time to time.
    """

    webhook_id: str
    url: str
    events: list[EventType]
    enabled: bool
    off: str | None
    created_at: datetime
    updated_at: datetime
    delivered: int
    waiting: int
    dead: int
    breaker: Literal["closed", "half_open", "open"]
    reason: str | None
    secret: str | UnsetType = UNSET


class WebhooksAnswer(Struct, frozen=True, kw_only=True):
    """All webhooks."""

    webhooks: list[WebhookAnswer]


class EventConversation(Struct, frozen=True, kw_only=True):
    """The conversation of an event, as it is now. `members` is left out of large groups."""

    conversation_id: str
    kind: Literal["direct", "group"]
    title: str | UnsetType = UNSET
    member_count: int
    members: list[str] | UnsetType = UNSET


class MessageEvent(Struct, frozen=True, kw_only=True):
    """The data of `message.created`, `message.edited` and `message.deleted`: the message as it is
    when the event is sent."""

    message: Message
    conversation: EventConversation


class ReadEvent(Struct, frozen=True, kw_only=True):
    """The data of `message.read`: the user has read all messages up to `seq`."""

    user_id: str
    seq: int
    conversation: EventConversation


class ConversationEvent(Struct, frozen=True, kw_only=True):
    """The data of `conversation.changed`. `user_ids` are the users whom the change is about."""

    change: Change
    actor_id: str
    user_ids: list[str] | UnsetType = UNSET
    conversation: EventConversation


class ReportEvent(Struct, frozen=True, kw_only=True):
    """The data of `report.created`. `message_id` is present if the report is about a message."""

    report_id: str
    reporter_id: str
    user_id: str
    message_id: int | UnsetType = UNSET
    reason: Reason
    comment: str
    created_at: datetime


class WebhookEvent(Struct, frozen=True, kw_only=True):
    """The body of a request to a webhook. `timestamp` is the time of the event."""

    type: EventType | Literal["webhook.test"]
    timestamp: datetime
    data: dict[str, Any]


EVENT_DATA: Mapping[EventType, type[Struct]] = {
    "message.created": MessageEvent,
    "message.edited": MessageEvent,
    "message.deleted": MessageEvent,
    "message.read": ReadEvent,
    "conversation.changed": ConversationEvent,
    "report.created": ReportEvent,
}


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An event that was given up at `given_up_at`. `reason` is that of its last failure."""

    event_id: str
    type: EventType
    conversation_id: str | UnsetType = UNSET
    attempts: int
    reason: str
    created_at: datetime
    given_up_at: datetime


class DeadLettersAnswer(Struct, frozen=True, kw_only=True):
    """The latest events that were given up, latest first."""

    events: list[DeadLetter]


class ReplayRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The events to send again. If `event_ids` is left out, all that were given up are sent."""

    event_ids: Annotated[list[EventId], Meta(min_length=1, max_length=500)] | UnsetType = UNSET


class ReplayAnswer(Struct, frozen=True, kw_only=True):
    """The number of events that wait to be sent again."""

    count: int
