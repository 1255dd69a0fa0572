"""Owns the parts of the document that has everything stored of a user."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from shared.api.notification import PreferencesAnswer
from shared.api.profile import UserRecord
from shared.frames import Notification, Reason, Role, UserId


class ExportedConversation(Struct, frozen=True, kw_only=True):
    """A conversation of the user, and their own settings and marks in it.

    `other_id` is the other side of a direct conversation, in which `joined_at` is null. Messages up
    to `cleared_seq` are hidden from the user.
    """

    conversation_id: str
    kind: str
    title: str | None
    other_id: str | None
    role: Role
    joined_at: datetime | None
    delivered_seq: int
    read_seq: int
    cleared_seq: int
    archived: bool
    muted: bool


class ExportedMessage(Struct, frozen=True, kw_only=True):
    """A message of the user, or of your app to the user, as the system. `content` is empty if the
    message was deleted for everyone."""

    message_id: int
    conversation_id: str
    seq: int
    client_id: str
    content: str
    reply_to: int | None
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None


class ExportedVersion(Struct, frozen=True, kw_only=True):
    """An earlier text of a message that the user has edited."""

    message_id: int
    version: int
    content: str
    replaced_at: datetime


class ExportedReaction(Struct, frozen=True, kw_only=True):
    """A reaction of the user to a message."""

    message_id: int
    emoji: str
    updated_at: datetime


class ExportedFile(Struct, frozen=True, kw_only=True):
    """A file of the user. It can be downloaded from `url`, without a token, until `expires_at`.

    `message_id` is null for a file that was not sent.
    """

    attachment_id: str
    name: str
    media_type: str
    size: int
    created_at: datetime
    message_id: int | None
    url: str = ""
    expires_at: datetime | None = None


class ExportedUser(Struct, frozen=True, kw_only=True):
    """Another user, whom the user blocks, or who is a contact."""

    user_id: UserId
    created_at: datetime


class ExportedReport(Struct, frozen=True, kw_only=True):
    """A report that the user has filed."""

    user_id: UserId
    message_id: int | None
    reason: Reason
    comment: str
    created_at: datetime


class ExportedHidden(Struct, frozen=True, kw_only=True):
    """A message that the user deleted for themselves."""

    message_id: int
    created_at: datetime


class ExportedReceipt(Struct, frozen=True, kw_only=True):
    """A move of the user's marks, while the feed has it (30 days by default). The mark that did not
    move is null."""

    conversation_id: str
    delivered_seq: int | None
    read_seq: int | None
    at: datetime


class ExportedDelivery(Struct, frozen=True, kw_only=True):
    """An e-mail or push to the user. `about` is the id of a conversation, or `n:`
    followed by the id of a notification, or `digest:` alone."""

    channel: Literal["email", "push"]
    about: str
    state: str
    reason: str
    created_at: datetime
    closed_at: datetime | None


class ExportedBrowser(Struct, frozen=True, kw_only=True):
    """A browser that gets web push: its address at its push service."""

    endpoint: str
    subscribed_at: datetime


class ExportAnswer(Struct, frozen=True, kw_only=True):
    """Everything that is stored of a user.

    Each list is read page by page while it is sent, so it may also contain what is added meanwhile.
    The document is complete if it ends with `"complete": true`.
    """

    exported_at: datetime
    profile: UserRecord
    conversations: list[ExportedConversation]
    messages: list[ExportedMessage]
    system_messages: list[ExportedMessage]
    versions: list[ExportedVersion]
    reactions: list[ExportedReaction]
    files: list[ExportedFile]
    blocks: list[ExportedUser]
    contacts: list[ExportedUser]
    reports: list[ExportedReport]
    hidden: list[ExportedHidden]
    receipts: list[ExportedReceipt]
    preferences: PreferencesAnswer
    notifications: list[Notification]
    deliveries: list[ExportedDelivery]
    browsers: list[ExportedBrowser]
    complete: Literal[True]
