"""Owns the body of an HTTP error."""

from msgspec import Struct

from shared.errors import LinkupError

MEDIA_TYPE = "application/problem+json"


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as RFC 9457 defines it. `code` is the code of an `error` frame.

    `field` is the parameter, or the field of the body, that is at fault, such as `limit` or
    `users[3].email`. It is left out if the error is about no single one.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    temporary: bool
    field: str | None = None
    client_id: str | None = None
    retry_after_ms: int | None = None


def problem_of(error: LinkupError, status: int | None = None) -> Problem:
    """Return the body for an error. `status`: where HTTP has a finer one than the error, such as
    405."""
    return Problem(
        type=f"urn:linkup:error:{error.code}",
        title=error.code.replace("_", " "),
        status=status or error.status,
        code=error.code,
        detail=error.message,
        temporary=error.temporary,
        field=error.field or None,
        client_id=error.client_id,
        retry_after_ms=error.retry_after_ms,
    )
