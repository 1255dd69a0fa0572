"""Owns one request over HTTP, in its own thread: what it answers, or why it failed."""

import asyncio
import http.client
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from typing import BinaryIO, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from linkup_client.errors import RequestFailed

T = TypeVar("T")
Body = Struct | dict[str, object] | None


class Ask(Protocol):
    """Send JSON, and read JSON of that kind. Raises RequestFailed."""

    async def __call__(self, method: str, target: str, body: Body, kind: type[T]) -> T: ...


TIMEOUT = 60.0  # seconds without a byte moving


class Problem(Struct, frozen=True):
    code: str = "unavailable"
    detail: str = ""
    temporary: bool = True
    retry_after_ms: int | None = None


class Http:
    """Calls over HTTP. `url` is that of the socket, which says where HTTP is; `failure` is what is
    raised."""

    def __init__(
        self,
        url: str,
        token: str | Callable[[], Awaitable[str]],
        failure: type[RequestFailed] = RequestFailed,
        timeout: float = TIMEOUT,
    ) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "wss"
        self._netloc = parts.netloc
        self._path = parts.path.removesuffix("/").removesuffix("/ws")
        self._token = token
        self._failure = failure
        self._timeout = timeout

    @property
    def origin(self) -> str:
        return f"{'https' if self._secure else 'http'}://{self._netloc}{self._path}"

    async def ask(self, method: str, target: str, body: Body, kind: type[T]) -> T:
        """Send JSON, and read JSON of that kind. Raises the failure."""
        content = None if body is None else msgspec.json.encode(body)
        return await self.call(method, target, content, kind, "application/json")

    async def call(
        self,
        method: str,
        target: str,
        body: BinaryIO | bytes | None,
        kind: type[T],
        media_type: str = "",
    ) -> T:
        """Raises the failure. Cancelled, it is cut off."""
        token = self._token if isinstance(self._token, str) else await self._token()
        new = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = new(self._netloc, timeout=self._timeout)
        connection.auto_open = 0  # once cut off it is not made again for the rest of the body
        cut = threading.Event()

        def exchange() -> tuple[int, bytes]:
            headers = {"Authorization": f"Bearer {token}"}
            if media_type and body is not None:
                headers["Content-Type"] = media_type
            with closing(connection):
                connection.connect()
                if cut.is_set():
                    raise ConnectionAbortedError
                with suppress(BrokenPipeError, ConnectionResetError):  # the answer may say why
                    connection.request(method, self._path + target, body, headers)
                with connection.getresponse() as response:
                    return response.status, response.read()

        try:
            status, content = await asyncio.to_thread(exchange)
        except asyncio.CancelledError:
            cut.set()
            _hang_up(connection)
            raise
        except (OSError, http.client.HTTPException) as error:
            said = str(error) or type(error).__name__
            raise self._failure("unavailable", said, True, answered=False) from error
        return self._read(status, content, kind)

    def _read(self, status: int, content: bytes, kind: type[T]) -> T:
        try:
            if status < 300:
                return msgspec.json.decode(content or b"null", type=kind)  # 204
            problem = msgspec.json.decode(content, type=Problem)
        except msgspec.MsgspecError:
            raise self._failure("unavailable", f"HTTP {status}", True) from None
        raise self._failure(
            problem.code,
            problem.detail,
            problem.temporary,
            retry_after_ms=problem.retry_after_ms,
        )


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """The thread that uses it then fails, and closes it."""
    used: socket.socket | None = connection.sock  # None before it is there, and after
    if used is not None:
        with suppress(OSError):
            used.shutdown(socket.SHUT_RDWR)
