"""Owns the reports of users to the operator: the command, and the questions for them.

The questions are answered by a Snapshot.
"""

from msgspec import Struct

from shared.frames.fields import Reason


class FileReport(Struct, frozen=True, kw_only=True, tag=True):
    """Tell the operator of a message, or else of a user. The id stands for the request: the same
    again changes nothing."""

    user_id: str
    report_id: str
    other_id: str | None
    message_id: int | None
    reason: Reason
    comment: str


class ReportPage(Struct, frozen=True, kw_only=True, tag="reports"):
    """Asks for at most `limit` reports before the one of that time and id, the latest first.

    `user_id`: only those about this user. `resolved`: None for either. `since`: only those that
    were filed from then on.
    """

    user_id: str | None = None
    resolved: bool | None = None
    since: int = 0
    before: tuple[int, str] | None = None
    limit: int = 50


class OneReport(Struct, frozen=True, kw_only=True, tag="report"):
    """Asks for one report. Refused as NotFound if there is none of that id."""

    report_id: str


class ResolveReport(Struct, frozen=True, kw_only=True, tag="resolve_report"):
    """Record that the operator has dealt with a report.

    Resolved again, it keeps its time, and its notes unless there are new ones. Refused as NotFound
    if there is none of that id.
    """

    report_id: str
    notes: str = ""
