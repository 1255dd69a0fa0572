"""Owns the bodies of the route of the audit log."""

from datetime import datetime

from msgspec import Struct

from shared.frames import KeyName


class AuditLogEntry(Struct, frozen=True, kw_only=True):
    """A request under `/v1/admin` to change something. Its body is not kept.

    `key`: `admin` for a key of LINKUP_ADMIN_KEY, `host` for one of LINKUP_HOST_KEY. `target`: the
    ids of what was to be changed, such as a user id. `status`: the HTTP status of the answer.
    """

    entry_id: int
    at: datetime
    key: KeyName
    route: str
    target: str
    status: int


class AuditLogAnswer(Struct, frozen=True, kw_only=True):
    """A page of the audit log. `next` is the `before` of the next page, or null after the last."""

    entries: list[AuditLogEntry]
    next: int | None
