"""Owns the command that records a change, the query for the audit log, and its answer."""

from msgspec import Struct

from shared.frames.fields import KeyName


class RecordChange(Struct, frozen=True, kw_only=True, tag=True):
    """Add an entry to the audit log: a request with that key was to change something.

    `target`: the ids in the path, or those that the route adds. `status`: of the HTTP answer.
    """

    key: str
    route: str
    target: str
    status: int
    user_id: str = ""


class AuditLogPage(Struct, frozen=True, kw_only=True, tag="audit_log"):
    """Asks for at most `limit` entries before the one of that id, the latest first.

    `target`: only those about that id, whatever else they are about. `since`: only those from then
    on.
    """

    key: KeyName | None = None
    target: str | None = None
    since: int = 0
    before: int | None = None
    limit: int = 50


class AuditLogEntry(Struct, frozen=True, array_like=True):
    """A RecordChange that was stored at that time."""

    entry_id: int
    at: int
    key: str
    route: str
    target: str
    status: int


class AuditLogAnswer(Struct, frozen=True, kw_only=True):
    entries: list[AuditLogEntry]
    has_more: bool
