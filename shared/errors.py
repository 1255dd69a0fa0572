"""Owns every error that a client can get: one class for each reaction of the client.

`temporary` errors mean: send the same thing again, with the same `client_id`. All others mean:
change it, and take a new `client_id`. An error never closes a socket; see `frames.CloseCode`.
"""

from typing import ClassVar


class LinkupError(Exception):
    """An outcome for whoever asked: a `code` of the closed set and a sentence that says why.

    `field`: the field of the request that is at fault, as the sentence has it; empty if there is no
    single one.
    """

    code: ClassVar[str] = "internal"
    temporary: ClassVar[bool] = True
    status: ClassVar[int] = 500  # HTTP
    why: str = ""  # a word for the log, which whoever asked is not told

    def __init__(
        self,
        message: str,
        *,
        client_id: str | None = None,
        retry_after_ms: int | None = None,
        field: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.client_id = client_id
        self.retry_after_ms = retry_after_ms


class InvalidFrame(LinkupError):
    """The frame does not decode; `message` names the field and the fault."""

    code = "invalid_frame"
    temporary = False
    status = 400


class InvalidRequest(LinkupError):
    """The HTTP request does not decode; `message` names the parameter and the fault."""

    code = "invalid_request"
    temporary = False
    status = 400


class Unauthorized(LinkupError):
    code = "unauthorized"
    temporary = False
    status = 401


class Forbidden(LinkupError):
    code = "forbidden"
    temporary = False
    status = 403


class Rejected(LinkupError):
    """The host app does not allow the message; `message` has its words for the sender."""

    code = "rejected"
    temporary = False
    status = 422


class NotFound(LinkupError):
    """It does not exist or may not be seen: the two answer alike."""

    code = "not_found"
    temporary = False
    status = 404


class ClientIdConflict(LinkupError):
    """The `client_id` already names a stored message with other content."""

    code = "client_id_conflict"
    temporary = False
    status = 409


class Unsupported(LinkupError):
    """A file of a kind that is not taken, or what the store breaks on each time: it will never be
    taken."""

    code = "unsupported"
    temporary = False
    status = 422


class EditWindowClosed(LinkupError):
    """The message is too old to be edited, or to be deleted for everyone."""

    code = "edit_window_closed"
    temporary = False
    status = 409


class ResyncRequired(LinkupError):
    """The feed cannot go on from that cursor: load the inbox again. HTTP only; a socket has a
    frame of that name."""

    code = "resync_required"
    temporary = False
    status = 409


class TooLarge(LinkupError):
    code = "too_large"
    temporary = False
    status = 413


class RateLimited(LinkupError):
    code = "rate_limited"
    temporary = True
    status = 429


class OutOfOrder(LinkupError):
    """An earlier message of the same connection and conversation failed and has to come first."""

    code = "out_of_order"
    temporary = True
    status = 409


class Unavailable(LinkupError):
    """The outcome is unknown, or nothing was stored: send the same again."""

    code = "unavailable"
    temporary = True
    status = 503


class Overloaded(LinkupError):
    """A bounded queue is full; nothing was stored."""

    code = "overloaded"
    temporary = True
    status = 503


class Internal(LinkupError):
    code = "internal"
    temporary = True
    status = 500


BY_CODE: dict[str, type[LinkupError]] = {
    error.code: error
    for error in (
        InvalidFrame,
        InvalidRequest,
        Unauthorized,
        Forbidden,
        Rejected,
        NotFound,
        ClientIdConflict,
        Unsupported,
        EditWindowClosed,
        ResyncRequired,
        TooLarge,
        RateLimited,
        OutOfOrder,
        Unavailable,
        Overloaded,
        Internal,
    )
}


JOINERS = "\u200c\u200d"  # within words and emoji; a terminal does nothing with them


class Refusal(Exception):
    """Something for the operator to put right, said on one line."""

    def __init__(self, text: str) -> None:
        super().__init__(visible(text))


class SettingError(Refusal):
    """A setting that cannot be used; its text names the setting and what to write instead."""


class StartError(Refusal):
    """The process cannot start; its text says what is wrong and what to do about it."""


def visible(text: str) -> str:
    """Return the text on one line, without what a terminal obeys or UTF-8 cannot hold: a path may
    be any bytes."""
    return "".join(c if c.isprintable() or c in JOINERS else ascii(c)[1:-1] for c in text)
