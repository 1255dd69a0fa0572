"""Owns the notifications of a user as typed structs: the frames, the list, the preferences."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

Priority = Literal["low", "normal", "high", "urgent"]
Digest = Literal["off", "hourly", "daily", "weekly"]

# ------------------------------------------------------------------ client → server


class DeliveredNotification(Struct, frozen=True, kw_only=True, tag="delivered"):
    notification_id: str
    client_id: str


# ------------------------------------------------------------------ server → client


class Notification(Struct, frozen=True, kw_only=True, tag="notification"):
    """Something that happened: a message, or an event of the host app.

    `group_count`: how many of one kind it stands for. Its place in the list is that of
    `updated_at`.
    """

    notification_id: str
    notification_type: str
    priority: Priority
    title: str
    body: str
    sender_id: str | None = None
    sender_name: str | None = None
    sender_avatar: str | None = None
    action_url: str | None = None
    conversation_id: str | None = None
    created_at: datetime
    updated_at: datetime
    is_read: bool
    read_at: datetime | None = None
    is_grouped: bool
    group_count: int


class BadgeUpdate(Struct, frozen=True, kw_only=True, tag="badge_update"):
    """The number of unread notifications."""

    unread_count: int


class NotificationRead(Struct, frozen=True, kw_only=True, tag="notification_read"):
    """A notification was read, on this device or another."""

    notification_id: str
    read_at: datetime
    unread_count: int


class NotificationsRead(Struct, frozen=True, kw_only=True, tag="notifications_read"):
    """Notifications were read: all, or those of a type, or those that are no later than `up_to`.

    `count` of them had been unread.
    """

    notification_type: str | None = None
    up_to: str | None = None
    read_at: datetime
    count: int
    unread_count: int


NotificationEvent = Notification | BadgeUpdate | NotificationRead | NotificationsRead

# ------------------------------------------------------------------ over HTTP


class NotificationPage(Struct, frozen=True, kw_only=True):
    """Notifications, latest first. `next`: the `before` of the next page, None on the last."""

    notifications: list[Notification]
    next: str | None
    unread_count: int


class ReadAnswer(Struct, frozen=True, kw_only=True):
    """The outcome of reading: `count` notifications had been unread, and `unread_count` still
    are."""

    count: int
    unread_count: int
    read_at: datetime


class ReadAll(Struct, frozen=True, kw_only=True, omit_defaults=True):
    notification_type: str | None = None
    up_to: str | None = None


class TypePreference(Struct, frozen=True, kw_only=True):
    """The channels of one type of notification. If `enabled` is false, it is not even listed."""

    notification_type: str
    enabled: bool
    realtime: bool
    push: bool
    email: bool


class QuietHours(Struct, frozen=True, kw_only=True):
    """The time from `start` to `end`, HH:MM in the user's zone; past midnight if `end` is less."""

    start: str
    end: str


class Preferences(Struct, frozen=True, kw_only=True):
    """The preferences of the user. `time_zone` is None for that of the profile."""

    types: list[TypePreference]
    quiet_hours: QuietHours | None
    time_zone: str | None
    digest: Digest


class PreferencesChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of preferences. A field that is UNSET stays as it is."""

    types: list[TypePreference] = []
    quiet_hours: QuietHours | UnsetType | None = UNSET
    time_zone: str | UnsetType | None = UNSET
    digest: Digest | UnsetType = UNSET
