"""Owns the questions to notify about notifications and preferences, and their answers.

A question's tag is the end of the subject that it is asked on. The words of a notification are
ready to be shown: notify has rendered those that refer to a message.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from shared import frames
from shared.frames.fields import Digest, Priority

MAX_BADGES = 500  # users in one question for their counts
MAX_NOTICES = 100  # notifications in an answer


class Notice(Struct, frozen=True, kw_only=True):
    """A notification as its user sees it. `read_at`: None while it is unread. `muted`: its
    conversation is, so it counts as read.

    `group_count`: how many things of one kind it stands for. `conversation_id`: "" if it is about
    none. Its place in the list is that of `updated_at`.
    """

    notification_id: str
    notification_type: str
    priority: Priority
    title: str
    body: str
    sender_id: str = ""
    sender_name: str = ""
    sender_avatar: str = ""
    action_url: str = ""
    conversation_id: str = ""
    created_at: int
    updated_at: int
    read_at: int | None = None
    muted: bool = False
    group_count: int = 1


def notification(notice: Notice) -> frames.Notification:
    """The frame that shows it."""
    return frames.Notification(
        notification_id=notice.notification_id,
        notification_type=notice.notification_type,
        priority=notice.priority,
        title=notice.title,
        body=notice.body,
        sender_id=notice.sender_id or UNSET,
        sender_name=notice.sender_name or UNSET,
        sender_avatar=notice.sender_avatar or UNSET,
        action_url=notice.action_url or UNSET,
        conversation_id=notice.conversation_id or UNSET,
        created_at=frames.time_of(notice.created_at),
        updated_at=frames.time_of(notice.updated_at),
        is_read=notice.read_at is not None or notice.muted,
        read_at=UNSET if notice.read_at is None else frames.time_of(notice.read_at),
        is_grouped=notice.group_count > 1,
        group_count=notice.group_count,
    )


class Notices(Struct, frozen=True, kw_only=True, tag="notices"):
    """Asks for notifications of a user, the latest first. `before`: the `next` of a page."""

    user_id: str
    limit: int = 20
    before: str = ""
    unread_only: bool = False
    notification_type: str = ""


class NoticesAnswer(Struct, frozen=True, kw_only=True):
    """`next` is empty on the last page."""

    notices: list[Notice]
    next: str
    unread_count: int


class ReadNotice(Struct, frozen=True, kw_only=True, tag="read"):
    """Mark one notification as read. Refused as NotFound if the user has no such notification."""

    user_id: str
    notification_id: str


class ReadNotices(Struct, frozen=True, kw_only=True, tag="read_all"):
    """Mark as read all of that type ("": of all types) that are no later than `up_to`, a
    notification of the user ("": all there are)."""

    user_id: str
    notification_type: str = ""
    up_to: str = ""


class ReadAnswer(Struct, frozen=True, kw_only=True):
    """`count`: how many were unread. `at`: when, or when it had been read."""

    count: int
    unread_count: int
    at: int


class DeliveredNotice(Struct, frozen=True, kw_only=True, tag="delivered"):
    """A device of the user has received the notification. Answered by a ReadAnswer."""

    user_id: str
    notification_id: str


class Badges(Struct, frozen=True, kw_only=True, tag="badges"):
    """Asks for the unread counts of at most MAX_BADGES users, who have open sockets.

    `narrow`: those of them with a socket that does not get the messages of all conversations; None:
    any of them may have one.
    """

    user_ids: list[str]
    narrow: list[str] | None = None


class BadgesAnswer(Struct, frozen=True, kw_only=True):
    """The answer by user id; a user without one is left out."""

    unread: dict[str, int]


class TypePreference(Struct, frozen=True, kw_only=True):
    """The channels of one type of notification. Not `enabled`: it is not even listed."""

    notification_type: str
    enabled: bool = True
    realtime: bool = True
    push: bool = True
    email: bool = True


class QuietHours(Struct, frozen=True, kw_only=True):
    """The time from `start` to `end`, HH:MM in the user's zone; past midnight if `end` is less."""

    start: str
    end: str


class Preferences(Struct, frozen=True, kw_only=True, tag="preferences"):
    """Asks for the preferences of a user. Answered by a PreferencesAnswer."""

    user_id: str


class PutPreferences(Struct, frozen=True, kw_only=True, tag="put_preferences"):
    """Change some of a user's preferences, all or none of them; what is UNSET stays.

    `time_zone`: None for that of the profile. Refused as InvalidRequest, which names the field.
    """

    user_id: str
    types: list[TypePreference] = []
    quiet_hours: QuietHours | UnsetType | None = UNSET
    time_zone: str | UnsetType | None = UNSET
    digest: Digest | UnsetType = UNSET


class PreferencesAnswer(Struct, frozen=True, kw_only=True):
    """`types`: every type there is, in the order of the table of types."""

    types: list[TypePreference]
    quiet_hours: QuietHours | None
    time_zone: str | None
    digest: Digest


class PushKey(Struct, frozen=True, kw_only=True, tag="push_key"):
    """Asks for the public key with which browsers subscribe to web push."""


class PushKeyAnswer(Struct, frozen=True, kw_only=True):
    """The VAPID key (RFC 8292), base64url without padding; "" where web push is switched off."""

    public_key: str


class PushSubscribe(Struct, frozen=True, kw_only=True, tag="push_subscribe"):
    """Keep a browser's push subscription (RFC 8030). The same endpoint again replaces it."""

    user_id: str
    endpoint: str
    p256dh: str
    auth: str


class PushUnsubscribe(Struct, frozen=True, kw_only=True, tag="push_unsubscribe"):
    """Forget a push subscription of this user; without effect if there is none."""

    user_id: str
    endpoint: str


class PushAnswer(Struct, frozen=True, kw_only=True):
    """The number of push subscriptions that the user has now."""

    subscriptions: int


class Announce(Struct, frozen=True, kw_only=True, tag="announce"):
    """A notification from the host, for each of these users.

    The same `idempotency_key` with the same content gives the first answer again; with other
    content it is refused as ClientIdConflict.
    """

    idempotency_key: str
    user_ids: list[str]
    notification_type: str
    priority: Priority = "normal"
    title: str
    body: str = ""
    sender_id: str = ""
    action_url: str = ""
    group_key: str = ""


class Announced(Struct, frozen=True, kw_only=True):
    """For one user. `notification_id` is empty where `outcome` is not "accepted"."""

    user_id: str
    outcome: Literal["accepted", "switched_off", "unknown_user"]
    notification_id: str = ""


class AnnounceAnswer(Struct, frozen=True, kw_only=True):
    """In the order asked."""

    results: list[Announced]
    duplicate: bool


class Unsubscribe(Struct, frozen=True, kw_only=True, tag="unsubscribe"):
    """The link of an e-mail was followed (RFC 8058). Without `act`, only tell what it would end."""

    token: str
    act: bool = False


class UnsubscribeAnswer(Struct, frozen=True, kw_only=True):
    """`notification_type`: whose e-mails the link ends; `ended`: whether they are."""

    notification_type: str
    ended: bool


class NotifyStats(Struct, frozen=True, kw_only=True, tag="stats"):
    """Asks for the counts that an operator looks at, of everybody."""


class NotifyStatsAnswer(Struct, frozen=True, kw_only=True):
    """Items by type; deliveries by channel and state, then by the reason of those that ended."""

    unread: dict[str, int]
    items: dict[str, int]
    deliveries: dict[str, dict[str, int]]
    reasons: dict[str, int]
    subscriptions: int
    suppressed_addresses: int


class EraseNotices(Struct, frozen=True, kw_only=True, tag="erase"):
    """Delete all that is stored of an erased user, unless that was done at this time or later."""

    user_id: str
    since: int


class ErasedNotices(Struct, frozen=True, kw_only=True):
    """The state of an erasure, which is finished when nothing is left of the user."""

    finished: bool


class ExportNotices(Struct, frozen=True, kw_only=True, tag="export"):
    """A page of what is stored of a user beside the list and the preferences. `after`: the `next`
    of a page."""

    user_id: str
    after: str = ""


class StoredDelivery(Struct, frozen=True, kw_only=True):
    """A stored delivery. `thread` is that of a DeadDelivery. `closed_at` is 0 until it ends."""

    channel: Literal["email", "push"]
    thread: str
    state: str
    reason: str
    created_at: int
    closed_at: int


class StoredBrowser(Struct, frozen=True, kw_only=True):
    """A push subscription."""

    endpoint: str
    subscribed_at: int


class ExportedNotices(Struct, frozen=True, kw_only=True):
    """A page. The first one has all `browsers`; on the last one, `next` is empty."""

    deliveries: list[StoredDelivery]
    browsers: list[StoredBrowser]
    next: str


class CleanNotices(Struct, frozen=True, kw_only=True, tag="clean"):
    """Delete what was read or ended longer ago than so many seconds, as notify does by itself."""

    keep: float


class CleanAnswer(Struct, frozen=True, kw_only=True):
    """The number of rows that were deleted of each kind."""

    items: int
    keys: int
    deliveries: int


class DeadDeliveries(Struct, frozen=True, kw_only=True, tag="dead"):
    """Asks for the deliveries that failed, and those of which nobody knows, the latest first."""

    limit: int = 50


class DeadDelivery(Struct, frozen=True, kw_only=True):
    """`thread`: a conversation id, `n:` and the id of a notification, or `digest:`. `reason`: a
    word or an SMTP code, never an address or a server's own text."""

    delivery_id: str
    user_id: str
    channel: str
    thread: str
    state: str
    reason: str
    attempts: int
    closed_at: int


class DeadAnswer(Struct, frozen=True, kw_only=True):
    deliveries: list[DeadDelivery]


class RetryDeliveries(Struct, frozen=True, kw_only=True, tag="retry"):
    """Try these again, or all that failed. What nobody knows of is never tried again, nor is what
    a later delivery has shown."""

    delivery_ids: list[str] = []


class RetryAnswer(Struct, frozen=True, kw_only=True):
    """The deliveries that are due now."""

    delivery_ids: list[str]


class SendDigests(Struct, frozen=True, kw_only=True, tag="digest"):
    """Let the digests that wait for the end of their window be due now: of a user, or of all."""

    user_id: str = ""


class SendDigestsAnswer(Struct, frozen=True, kw_only=True):
    count: int
