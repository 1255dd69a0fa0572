"""Owns the body of an HTTP error."""

from msgspec import Struct


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as RFC 9457 defines it. `code` is the code of an `error` frame."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    temporary: bool
    client_id: str | None = None
    retry_after_ms: int | None = None
