"""Owns the bodies of the routes about error records."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from shared.frames import time_of
from shared.health.taxonomy import Category, ErrorId, Record, Severity, Value

ErrorMark = Annotated[str, Meta(pattern=r"^[0-9]{1,16}-e[a-z2-7]{16}\Z")]
ServiceName = Annotated[str, Meta(pattern=r"^[a-z]{1,32}\Z")]
Since = Annotated[datetime, Meta(tz=True)]
Notes = Annotated[str, Meta(max_length=2000)]


class ErrorRecord(Struct, frozen=True, kw_only=True):
    """An error of a service, with the number of its occurrences.

    `context`, `user_id` and `trace` describe the latest occurrence.
    """

    error_id: ErrorId
    category: Category
    severity: Severity
    service: str
    message: str
    context: dict[str, Value]
    user_id: str | None
    trace: str | None
    first_at: datetime
    occurred_at: datetime
    count: int
    resolved: bool
    resolved_at: datetime | None
    notes: str


class ErrorsAnswer(Struct, frozen=True, kw_only=True):
    """A page of errors. `next` is the `before` of the next page, or null after the last."""

    errors: list[ErrorRecord]
    next: ErrorMark | None


class ResolveRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`notes` describe what was found and what was done."""

    notes: Notes = ""


def error_record(record: Record) -> ErrorRecord:
    resolved_at = record.resolved_at
    return ErrorRecord(
        error_id=record.id,
        category=record.category,
        severity=record.severity,
        service=record.service,
        message=record.message,
        context=record.context,
        user_id=record.user,
        trace=record.trace,
        first_at=time_of(record.first_at),
        occurred_at=time_of(record.occurred_at),
        count=record.count,
        resolved=record.resolved,
        resolved_at=None if resolved_at is None else time_of(resolved_at),
        notes=record.notes,
    )
