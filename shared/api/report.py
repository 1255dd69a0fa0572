"""Owns the bodies of the report route."""

from datetime import datetime
from typing import ClassVar

from msgspec import UNSET, Struct, UnsetType

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
