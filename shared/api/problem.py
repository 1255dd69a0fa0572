"""Owns what an error looks like in HTTP."""

from msgspec import Struct


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error in HTTP's own form (RFC 9457), with the `code` the frames use."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    temporary: bool
    client_id: str | None = None
    retry_after_ms: int | None = None
