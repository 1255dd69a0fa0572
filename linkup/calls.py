"""Owns the requests of commands over HTTP: sends them, waits if told to, and says what failed."""

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http import HTTPStatus
from typing import IO, Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import click

TIMEOUT = 15.0  # seconds
SILENT = 3  # seconds of a wait that nobody has to be told of
MOST = 64 * 1024  # bytes of an error that are read
SHOWN = 300  # bytes of an error that its text shows


class CallFailed(Exception):
    """The call was answered with an error, or not at all. The text says which and what to do."""


class Unreachable(CallFailed):
    """There is no answer, or it broke off."""

    def __init__(self, host: str, error: Exception) -> None:
        self.reason = str(getattr(error, "reason", "") or error)
        super().__init__(f"cannot reach {host}: {self.reason}; is it running?")


class Refused(CallFailed):
    """The answer is an error. `ours`: it has the form of an error of LinkUp."""

    def __init__(self, error: HTTPError) -> None:
        self.status = error.code
        self.ours = "json" in error.headers.get_content_type()
        self.body = _rest(error)
        shown = " ".join(self.body[:SHOWN].decode(errors="replace").split())
        super().__init__(f"HTTP {self.status} {shown}".rstrip())


def request(method: str, url: str, token: str | None = None, body: bytes | None = None) -> Request:
    """Return a request, whose body is JSON. Raises Unreachable if `url` is no URL."""
    try:
        made = Request(url, body, method=method)
    except ValueError as error:
        raise Unreachable(url, error) from None
    if body is not None:
        made.add_header("Content-Type", "application/json")
    if token is not None:
        made.add_header("Authorization", f"Bearer {token}")
    return made


@contextmanager
def answered(asked: Request, timeout: float = TIMEOUT, waits: bool = True) -> Iterator[IO[bytes]]:
    """Open the answer to a request. Raises Refused, and Unreachable, also while it is read.

    If it `waits`, a request that is one too many is sent again when the gateway allows it.
    """
    try:
        with _opened(asked, timeout, waits) as answer:
            yield answer
    except HTTPError as error:
        raise Refused(error) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(asked.host, error) from None


def fetched(asked: Request, waits: bool = True) -> bytes:
    """Return the whole answer to a request. Raises Refused and Unreachable."""
    with answered(asked, waits=waits) as answer:
        return answer.read()


class Reply(NamedTuple):
    """An answer of any status."""

    status: int
    headers: Message
    body: bytes


def reply(asked: Request, timeout: float = TIMEOUT) -> Reply:
    """Return the answer to a request, also if it is an error. Raises Unreachable."""
    try:
        with _of_any_status(asked, timeout) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(asked.host, error) from None


def _of_any_status(asked: Request, timeout: float) -> Any:
    try:
        return urlopen(asked, timeout=timeout)
    except HTTPError as error:
        return error


def _opened(asked: Request, timeout: float, waits: bool) -> IO[bytes]:
    while True:
        try:
            found: IO[bytes] = urlopen(asked, timeout=timeout)
            return found
        except HTTPError as error:
            pause = _pause(error) if waits else None
            if pause is None:
                raise
            with error:
                _wait(pause)


def _pause(error: HTTPError) -> int | None:
    """Return the seconds after which the request may be sent again, or None if it may not."""
    after = error.headers.get("Retry-After", "1")
    known = error.code == HTTPStatus.TOO_MANY_REQUESTS and after.isdecimal()
    return int(after) if known else None


def _wait(seconds: int) -> None:
    if seconds > SILENT:
        click.echo(f"The server limits requests: waiting {seconds} s.", err=True)
    time.sleep(seconds)


def _rest(error: HTTPError) -> bytes:
    try:
        with error:
            return error.read(MOST)
    except (OSError, http.client.HTTPException):
        return b""
