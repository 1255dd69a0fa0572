"""Owns the bodies of the routes about reports."""

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.frames import ClientId, Comment, PositiveInt, Reason, UserId


class ReportRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report about a message or a user.

    Repeating the request with the same `client_id` returns the same report.
    """

    client_id: ClientId
    user_id: UserId | None = None
    message_id: PositiveInt | None = None
    reason: Reason
    comment: Comment | UnsetType = UNSET
    exactly_one: ClassVar[tuple[str, ...]] = ("user_id", "message_id")

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.message_id is None):
            raise ValueError("Expected exactly one of `user_id` and `message_id`")


class ReportAnswer(Struct, frozen=True, kw_only=True):
    """The stored report."""

    report_id: str
    created_at: datetime
    duplicate: bool


ReportMark = Annotated[str, Meta(pattern=r"^[0-9]{1,16}-r[a-z2-7]{24}\Z")]


class Report(Struct, frozen=True, kw_only=True):
    """A report as the operator sees it.

    `user_id` is the reported user, or the author of the reported message `message_id`. `content` is
    the text of the message when it was reported. It is null if the report is about a user, or if
    the message has been deleted. `resolved_at` is null while the report is open.
    """

    report_id: str
    reporter_id: str
    user_id: str
    message_id: int | None
    conversation_id: str | None
    reason: Reason
    comment: str
    content: str | None
    created_at: datetime
    resolved_at: datetime | None
    notes: str


class ReportsAnswer(Struct, frozen=True, kw_only=True):
    """A page of reports. `next` is the `before` of the next page, or null after the last.

    A page may hold fewer than `limit` reports, although `next` is not null.
    """

    reports: list[Report]
    next: ReportMark | None
