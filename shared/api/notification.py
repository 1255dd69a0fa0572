"""Owns the bodies of the routes of notifications and their preferences, and of the host's part."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.frames import (
    ClientId,
    ClockTime,
    Digest,
    LinkUrl,
    Notification,
    NotificationBody,
    NotificationId,
    NotificationTitle,
    NotificationType,
    Priority,
    TimeZone,
    UserId,
)

MAX_RECIPIENTS = 500  # of one notification of the host


class NotificationsAnswer(Struct, frozen=True, kw_only=True):
    """A page of notifications, latest first. `next` is the `before` of the next page, or null."""

    notifications: list[Notification]
    next: str | None
    unread_count: int


class ReadAllRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The notifications to mark as read: all, or those of `notification_type`.

    `up_to` limits them to this notification and those that are older.
    """

    notification_type: NotificationType | None = None
    up_to: NotificationId | None = None


class NotificationsReadAnswer(Struct, frozen=True, kw_only=True):
    """`count` notifications were unread before, and `unread_count` still are.

    `read_at` is the time of reading. A notification that was read earlier keeps its time.
    """

    count: int
    unread_count: int
    read_at: datetime


class TypePreference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The channels of one type of notification.

    With `realtime`, open pages show them at once. With `push`, they are sent to the subscribed
    browsers if no device has received them in time; with `email`, by e-mail if they were not read
    in time. If all three are false, notifications are only listed. If `enabled` is false, they are
    not even listed.
    """

    notification_type: NotificationType
    enabled: bool
    realtime: bool
    push: bool
    email: bool


class QuietHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hours of the day, in the user's time zone, in which push and e-mail wait for `end`.

    They go over midnight if `end` is earlier than `start`. Notifications of priority `high` or
    `urgent` do not wait.
    """

    start: ClockTime
    end: ClockTime

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("Expected `start` and `end` of `quiet_hours` that differ")


class PreferencesAnswer(Struct, frozen=True, kw_only=True):
    """Your preferences, with all types of notifications that there are.

    `time_zone` is null if it is that of the profile. `digest` says how e-mails are sent:
    each by itself (`off`), or one for all that are due within the same hour, day or week.
    """

    types: list[TypePreference]
    quiet_hours: QuietHours | None
    time_zone: str | None
    digest: Digest


class PreferencesRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The changes. What is left out stays.

    A null `quiet_hours` ends them; with a null `time_zone`, that of the profile is used.
    """

    types: Annotated[list[TypePreference], Meta(max_length=100)] = []
    quiet_hours: QuietHours | UnsetType | None = UNSET
    time_zone: TimeZone | UnsetType | None = UNSET
    digest: Digest | UnsetType = UNSET

    def __post_init__(self) -> None:
        if len({one.notification_type for one in self.types}) < len(self.types):
            raise ValueError("Expected each `notification_type` in `types` once")


class AnnounceRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A notification for `user_id`, or for each of `user_ids`.

    Repeating a request with the same `idempotency_key` creates nothing, and returns the first
    answer. `sender_id` is the user who caused it, with whose name and avatar it is shown.
    `action_url` is the page that it opens. Notifications of one type with the same `group_key`
    are grouped into one.
    """

    idempotency_key: ClientId
    user_id: UserId | None = None
    user_ids: Annotated[list[UserId], Meta(min_length=1, max_length=MAX_RECIPIENTS)] | None = None
    notification_type: NotificationType
    priority: Priority = "normal"
    title: NotificationTitle
    body: NotificationBody = ""
    sender_id: UserId | None = None
    action_url: LinkUrl | None = None
    group_key: ClientId | None = None
    exactly_one: ClassVar[tuple[str, ...]] = ("user_id", "user_ids")

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.user_ids is None):
            raise ValueError("Expected exactly one of `user_id` and `user_ids`")
        if self.user_ids is not None and len(set(self.user_ids)) < len(self.user_ids):
            raise ValueError("Expected `user_ids` that differ from each other")


class AnnounceResult(Struct, frozen=True, kw_only=True):
    """The result for one user.

    `switched_off` means that the user does not want notifications of this type.
    """

    user_id: str
    outcome: Literal["accepted", "switched_off", "unknown_user"]
    notification_id: str | UnsetType = UNSET


class AnnounceAnswer(Struct, frozen=True, kw_only=True):
    """The results, in the order of the request. `duplicate` is true for a repeated request."""

    results: list[AnnounceResult]
    duplicate: bool


class ServiceHealth(Struct, frozen=True, kw_only=True):
    """The health of one service, from 0 to 100 points."""

    health_score: int
    status: str


class NotificationStats(Struct, frozen=True, kw_only=True):
    """Counts over all users.

    `items` and `unread` count the listed notifications by type, `deliveries` counts the e-mails and
    pushes by channel and state, and `reasons` counts those that ended, by the reason of their end.
    """

    items: dict[str, int]
    unread: dict[str, int]
    deliveries: dict[str, dict[str, int]]
    reasons: dict[str, int]
    subscriptions: int
    suppressed_addresses: int


class DashboardAnswer(Struct, frozen=True, kw_only=True):
    """The state of the installation. The lowest score of a service is that of the whole.

    `users_online` and `sockets` are those of the gateway that answers. `notifications` is null
    if the notify service does not answer.
    """

    at: datetime
    users_online: int
    sockets: int
    health_score: int
    status: str
    services: dict[str, ServiceHealth]
    notifications: NotificationStats | None
