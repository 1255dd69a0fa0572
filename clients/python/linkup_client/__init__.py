"""Python client of LinkUp messaging: acknowledged sends, events in order, resume without gaps."""

from linkup_client.advice import Advice, advice_for
from linkup_client.api import Api
from linkup_client.backoff import Timing
from linkup_client.bell import Notifications
from linkup_client.client import Client, connect
from linkup_client.errors import (
    ConnectionRefused,
    FileFailed,
    LinkupError,
    OutboxFull,
    OutcomeUnknown,
    RequestFailed,
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
    TypingNow,
)
from linkup_client.link import State
from linkup_client.notification import (
    BadgeUpdate,
    Notification,
    NotificationEvent,
    NotificationPage,
    NotificationRead,
    NotificationsRead,
    Preferences,
    QuietHours,
    TypePreference,
)
from linkup_client.roads import Road

__all__ = [
    "Ack",
    "Advice",
    "Api",
    "Attachment",
    "BadgeUpdate",
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
    "Notification",
    "NotificationEvent",
    "NotificationPage",
    "NotificationRead",
    "Notifications",
    "NotificationsRead",
    "OutboxFull",
    "OutcomeUnknown",
    "Preferences",
    "Presence",
    "QuietHours",
    "Reaction",
    "Receipt",
    "RequestFailed",
    "ResyncRequired",
    "Road",
    "SendFailed",
    "State",
    "Timing",
    "TypePreference",
    "TypingNow",
    "advice_for",
    "connect",
]
