"""Owns what comes of a request to an address of others: an answer, or one of two failures."""

from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct
from yarl import URL


class NotSent(Exception):
    """Nothing of the request has left, so it may be repeated."""


class Unanswered(Exception):
    """The request has left, wholly or in part, and its effect is not known."""


class Answer(Struct, frozen=True):
    """An answer. `headers` are by name, in any case. `body` is as much of it as was asked for and
    has come."""

    status: int
    headers: Mapping[str, str]
    body: bytes


# Returns the addresses of a host, for a port. Raises OSError.
LookUp = Callable[[str, int], Awaitable[list[str]]]


class Request(Struct, frozen=True):
    """A request. `answer_bytes`: how much of the answer's body is read."""

    method: str
    target: URL
    body: bytes | None
    headers: Mapping[str, str] | None
    answer_bytes: int


Ask = Callable[[Request], Awaitable[Answer]]
