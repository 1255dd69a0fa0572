"""Owns the errors: one class for each reaction of the caller."""

from linkup_client.advice import UNREACHABLE, Advice, advice_for


class LinkupError(Exception):
    """Anything this client raises on purpose."""


class SendFailed(LinkupError):
    """The server refused the message for good: change it and take a new `client_id`.

    `code` is one of the protocol's: `not_found`, `client_id_conflict`, `invalid_frame` … `advice`
    is what to tell a person.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.advice: Advice = advice_for(code)


class RequestFailed(LinkupError):
    """The server refused a request over HTTP, or cannot be reached.

    `code` is one of the protocol's: `not_found`, `invalid_request`, `unavailable` … If `temporary`
    is true, try the same again later, after `retry_after_ms` if the server said so. `advice` is
    what to tell a person.
    """

    def __init__(
        self,
        code: str,
        message: str,
        temporary: bool,
        *,
        answered: bool = True,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.temporary = temporary
        self.retry_after_ms = retry_after_ms
        self.advice: Advice = advice_for(code if answered else UNREACHABLE)


class FileFailed(RequestFailed):
    """A file was not taken, or cannot be had: `too_large`, `unsupported`, `not_found` …"""


class OutboxFull(LinkupError):
    """Too many messages wait for their ack: this one was not taken."""


class OutcomeUnknown(LinkupError):
    """The client was closed before the ack came: send again with this `client_id` to find out."""

    def __init__(self, client_id: str) -> None:
        super().__init__(f"closed before the ack of {client_id}")
        self.client_id = client_id


class ConnectionRefused(LinkupError):
    """The server will not have this connection, now or later.

    `code` is the close code: 4401 (the token is refused), 4404 (no such user), 4408 (protocol
    abuse), 1007 or 1009 (a frame that no server takes); or the HTTP status of a refused handshake.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".rstrip())
        self.code = code
        self.reason = reason
