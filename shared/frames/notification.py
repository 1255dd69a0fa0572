"""Owns the frames about notifications, of clients and of the server.

Notifications are not part of the feed: the list is the truth, and its frames carry no cursor.
"""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.frames.fields import (
    ClientId,
    NotificationId,
    NotificationMark,
    NotificationType,
    Priority,
)

NOTIFICATIONS_LIMIT = 20  # on a page, unless the client asks for another number

# ------------------------------------------------------------------ client → server


class GetNotifications(
    Struct, frozen=True, kw_only=True, tag="get_notifications", forbid_unknown_fields=True
):
    """Asks for your notifications, latest first. Answered by `notifications_list`.

    `before` is the `next` of the previous page. `client_id` comes back with the answer.
    """

    limit: Annotated[int, Meta(ge=1, le=100)] = NOTIFICATIONS_LIMIT
    before: NotificationMark | None = None
    unread_only: bool = False
    notification_type: NotificationType | None = None
    client_id: ClientId | None = None


class MarkRead(Struct, frozen=True, kw_only=True, tag="mark_read", forbid_unknown_fields=True):
    """Marks a notification as read. Answered by `notification_read`."""

    notification_id: NotificationId
    client_id: ClientId | None = None


class MarkAllRead(
    Struct, frozen=True, kw_only=True, tag="mark_all_read", forbid_unknown_fields=True
):
    """Marks notifications as read. Answered by `notifications_read`.

    With `notification_type`, it marks only those of this type; with `up_to`, only this
    notification and those that are older.
    """

    notification_type: NotificationType | None = None
    up_to: NotificationId | None = None
    client_id: ClientId | None = None


# ------------------------------------------------------------------ server → client


class Notification(Struct, frozen=True, kw_only=True, tag="notification"):
    """A notification. Several of one kind may be grouped into one, with their `group_count`.

    Its place in the list is that of `updated_at`, the time of the latest addition to the group.
    What is unread in a muted conversation counts as read, without a `read_at`.
    """

    notification_id: str
    notification_type: str
    priority: Priority
    title: str
    body: str
    sender_id: str | UnsetType = UNSET
    sender_name: str | UnsetType = UNSET
    sender_avatar: str | UnsetType = UNSET
    action_url: str | UnsetType = UNSET
    conversation_id: str | UnsetType = UNSET
    created_at: datetime
    updated_at: datetime
    is_read: bool
    read_at: datetime | UnsetType = UNSET
    is_grouped: bool
    group_count: int


class BadgeUpdate(Struct, frozen=True, kw_only=True, tag="badge_update"):
    """The number of your unread notifications. It follows `welcome`, and comes at each change."""

    unread_count: int


class NotificationsList(Struct, frozen=True, kw_only=True, tag="notifications_list"):
    """Answers `get_notifications`. `next` is the `before` of the next page, or null."""

    notifications: list[Notification]
    next: str | None
    unread_count: int
    client_id: str | UnsetType = UNSET


class NotificationRead(Struct, frozen=True, kw_only=True, tag="notification_read"):
    """A notification is read. Answers `mark_read`, and tells your other devices.

    `unread_count` is the number of your notifications that are still unread.
    """

    notification_id: str
    read_at: datetime
    unread_count: int
    client_id: str | UnsetType = UNSET


class NotificationsRead(Struct, frozen=True, kw_only=True, tag="notifications_read"):
    """Notifications are read. Answers `mark_all_read`, and tells your other devices.

    It concerns the notifications of `notification_type`, or of all types if that is missing. With
    `up_to`, it concerns only this notification and those that are older. `count` were unread.
    """

    notification_type: str | UnsetType = UNSET
    up_to: str | UnsetType = UNSET
    read_at: datetime
    count: int
    unread_count: int
    client_id: str | UnsetType = UNSET
