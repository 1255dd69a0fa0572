"""Owns the messages about error records."""

from msgspec import Struct

from shared.health.taxonomy import Category, Record, Severity


class Errors(Struct, frozen=True, kw_only=True):
    """The new error records of a service; `count` is the number of new occurrences."""

    records: list[Record]


class ErrorPlace(Struct, frozen=True, array_like=True):
    """A place in the list of errors, which begins with the latest."""

    occurred_at: int
    error_id: str


class ErrorPage(Struct, frozen=True, kw_only=True, tag="errors"):
    """Asks for at most `limit` stored errors before `before`, latest first.

    `since`: those that occurred from then on. `resolved`: None for either.
    """

    error_id: str | None = None
    category: Category | None = None
    severity: Severity | None = None
    service: str | None = None
    resolved: bool | None = None
    since: int = 0
    before: ErrorPlace | None = None
    limit: int = 50


class ErrorPageAnswer(Struct, frozen=True, kw_only=True):
    records: list[Record]
    has_more: bool = False


class RecentErrors(Struct, frozen=True, kw_only=True, tag="recent_errors"):
    """Asks a service for the errors that it has in memory."""


class ResolveError(Struct, frozen=True, kw_only=True, tag="resolve_error"):
    """Record that somebody has seen to an error. It opens again when it occurs again.

    The answer is the page with that error. Refused as NotFound if there is none of that id.
    """

    error_id: str
    notes: str = ""
