"""Python client of LinkUp messaging: acknowledged sends, events in order, resume without gaps."""

from linkup_client.backoff import Timing
from linkup_client.client import Client, connect
from linkup_client.errors import (
    ConnectionRefused,
    LinkupError,
    OutboxFull,
    OutcomeUnknown,
    SendFailed,
)
from linkup_client.frames import (
    Ack,
    Conversation,
    Event,
    Message,
    MessageDeleted,
    MessageUpdated,
    Presence,
    Reaction,
    Receipt,
    ResyncRequired,
)
from linkup_client.link import State

__all__ = [
    "Ack",
    "Client",
    "ConnectionRefused",
    "Conversation",
    "Event",
    "LinkupError",
    "Message",
    "MessageDeleted",
    "MessageUpdated",
    "OutboxFull",
    "OutcomeUnknown",
    "Presence",
    "Reaction",
    "Receipt",
    "ResyncRequired",
    "SendFailed",
    "State",
    "Timing",
    "connect",
]
