"""Owns the export and the erasure of a user: the commands, and the questions.

Some questions are for persistence, and others for notify.
"""

from typing import Literal

from msgspec import Struct


class EraseUser(Struct, frozen=True, kw_only=True, tag=True):
    """Erase a user: from now on the id is nobody's, and what is left of them is deleted in steps.
    The same again changes nothing."""

    user_id: str


class EraseTraces(Struct, frozen=True, kw_only=True, tag=True):
    """Carry out a step of an erasure: these conversations are left, and the messages, reactions and
    uploads are wiped, as far as they are those of the erased user."""

    user_id: str
    conversation_ids: list[str] = []
    message_ids: list[int] = []
    reactions: list[tuple[int, str]] = []  # the message, the emoji
    attachment_ids: list[str] = []


class FinishErasure(Struct, frozen=True, kw_only=True, tag=True):
    """End an erasure: nothing is left of the user but numbers and ids."""

    user_id: str


ExportPart = Literal[
    "conversations",
    "messages",
    "system_messages",
    "versions",
    "reactions",
    "files",
    "blocks",
    "contacts",
    "reports",
    "hidden",
    "receipts",
]


class Export(Struct, frozen=True, kw_only=True, tag="export"):
    """Asks for a page of a part of what is stored of a user. `after`: the `next` of a page."""

    user_id: str
    part: ExportPart
    after: str = ""


class ExportAnswer(Struct, frozen=True, kw_only=True):
    """A page of rows encoded as JSON, which may be none. `next` is empty on the last page."""

    rows: list[bytes]
    next: str


class ExportNotices(Struct, frozen=True, kw_only=True, tag="export"):
    """Asks for a page of what is stored of a user beside the list and the preferences. `after`: the
    `next` of a page."""

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


class Erasure(Struct, frozen=True, kw_only=True, tag="erasure"):
    """Asks for the state of a user's erasure."""

    user_id: str


class ErasureAnswer(Struct, frozen=True, kw_only=True):
    """The state of an erasure. `finished_at` is None while something is left in the store.
    `files` is the number of files still to be deleted. Times are microseconds since 1970."""

    asked_at: int
    finished_at: int | None
    files: int


class EraseNotices(Struct, frozen=True, kw_only=True, tag="erase"):
    """Delete all that is stored of an erased user, unless that was done at this time or later."""

    user_id: str
    since: int


class ErasedNotices(Struct, frozen=True, kw_only=True):
    """The state of an erasure, which is finished when nothing is left of the user."""

    finished: bool
