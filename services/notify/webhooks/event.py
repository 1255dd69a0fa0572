"""Owns an event that waits for a webhook: which facts become one, and the body of its request."""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw, Struct

from shared import frames
from shared.commands import Fact
from shared.frames import EventType
from shared.reserved import is_reserved

TYPES: Mapping[str, EventType] = {
    "message": "message.created",
    "message_updated": "message.edited",
    "message_deleted": "message.deleted",
    "receipt": "message.read",
    "begun": "conversation.changed",
    "created": "conversation.changed",
    "renamed": "conversation.changed",
    "member_added": "conversation.changed",
    "member_removed": "conversation.changed",
    "left": "conversation.changed",
    "role": "conversation.changed",
    "report": "report.created",
}
TEST = "webhook.test"


class Event(Struct, frozen=True, kw_only=True):
    """An event of one webhook. `number` is its place among all events. It is given up if it has
    failed for too long since `queued_at`."""

    number: int
    event_id: str
    fact: Fact
    queued_at: int
    due_at: int
    attempts: int = 0

    @property
    def event_type(self) -> EventType:
        return TYPES[self.fact.kind]

    @property
    def thread(self) -> str:
        """Events of one thread are sent one after the other: a conversation, or a report."""
        return self.fact.conversation_id or self.fact.report_id


class _Body(Struct, frozen=True):
    """An api.WebhookEvent whose data are encoded already."""

    type: str
    timestamp: object
    data: Raw


def wanted(facts: Iterable[Fact], types: Iterable[EventType]) -> list[Fact]:
    """The facts that a webhook for these types is told of. Nobody hears of reserved users."""
    chosen = set(types)
    return [
        fact
        for fact in facts
        if TYPES.get(fact.kind) in chosen and not is_reserved(fact.actor_id or "")
    ]


def event_id(epoch: str, fact: Fact) -> str:
    """The same whenever the log is read again, so that the receiver knows a repeat."""
    return f"evt_{epoch}_{fact.writer}_{fact.n}"


def body(event_type: str, at: int, data: bytes) -> bytes:
    return msgspec.json.encode(_Body(event_type, frames.time_of(at), Raw(data)))
