"""Python client of LinkUp messaging: acknowledged sends, events in order, resume without gaps."""

from linkup_client.backoff import Timing
from linkup_client.client import Client, connect
from linkup_client.errors import (
    ConnectionRefused,
    FileFailed,
    LinkupError,
    OutboxFull,
    OutcomeUnknown,
    SendFailed,
)
from linkup_client.files import FileLink
from linkup_client.frames import (
    Ack,
    Attachment,
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
    "Attachment",
    "Client",
    "ConnectionRefused",
    "Conversation",
    "Event",
    "FileFailed",
    "FileLink",
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
