"""Owns the questions to notify about the notifications of users, and their answers.

A question's tag is the end of the subject that it is asked on. The words of a notification are
ready to be shown: notify has rendered those that refer to a message.
"""

from typing import Literal

from msgspec import UNSET, Struct

from shared import frames
from shared.frames.fields import Priority

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
    """Return the frame that shows it."""
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
    """A page of notifications. `next` is empty on the last page."""

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
    """The outcome of reading. `count` is the number that was unread. `at` is when they were read,
    now or before."""

    count: int
    unread_count: int
    at: int


class DeliveredNotice(Struct, frozen=True, kw_only=True, tag="delivered"):
    """Tells that a device of the user has received the notification. Answered by a ReadAnswer."""

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
    """The outcome for one user. `notification_id` is empty unless `outcome` is "accepted"."""

    user_id: str
    outcome: Literal["accepted", "switched_off", "unknown_user"]
    notification_id: str = ""


class AnnounceAnswer(Struct, frozen=True, kw_only=True):
    """The outcomes in the order asked."""

    results: list[Announced]
    duplicate: bool
