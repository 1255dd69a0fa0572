"""Owns files over HTTP: uploading one, and getting its URLs. Streams, in its own thread."""

import asyncio
import http.client
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from datetime import datetime
from typing import BinaryIO, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from linkup_client.errors import FileFailed
from linkup_client.frames import Attachment

T = TypeVar("T")
TIMEOUT = 60.0  # seconds without a byte moving


class FileLink(Struct, frozen=True, kw_only=True):
    """The URLs of a file. Anybody who has them can use them until `expires_at`."""

    attachment_id: str
    url: str
    thumbnail_url: str | None = None
    expires_at: datetime


class Problem(Struct, frozen=True):
    code: str = "unavailable"
    detail: str = ""
    temporary: bool = True


class Files:
    """`url`: the socket's, which says where HTTP is."""

    def __init__(self, url: str, token: str | Callable[[], Awaitable[str]]) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "wss"
        self._netloc = parts.netloc
        self._path = parts.path.removesuffix("/").removesuffix("/ws")
        self._token = token

    async def upload(self, file: BinaryIO | bytes, name: str) -> Attachment:
        """Raises FileFailed. Cancelled, it is cut off, and the server forgets it."""
        target = f"/v1/attachments?name={quote(name, safe='')}"
        return await self._call("POST", target, file, Attachment)

    async def link(self, attachment_id: str) -> FileLink:
        """Raises FileFailed."""
        target = f"/v1/attachments/{quote(attachment_id, safe='')}"
        found = await self._call("GET", target, None, FileLink)
        origin = f"{'https' if self._secure else 'http'}://{self._netloc}{self._path}"
        thumbnail = None if found.thumbnail_url is None else origin + found.thumbnail_url
        return msgspec.structs.replace(found, url=origin + found.url, thumbnail_url=thumbnail)

    async def _call(
        self, method: str, target: str, body: BinaryIO | bytes | None, kind: type[T]
    ) -> T:
        token = self._token if isinstance(self._token, str) else await self._token()
        new = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = new(self._netloc, timeout=TIMEOUT)
        connection.auto_open = 0  # once cut off it is not made again for the rest of the body
        cut = threading.Event()

        def exchange() -> tuple[int, bytes]:
            headers = {"Authorization": f"Bearer {token}"}
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
            raise FileFailed("unavailable", str(error) or type(error).__name__, True) from error
        return _read(status, content, kind)


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """The thread that uses it then fails, and closes it."""
    used: socket.socket | None = connection.sock  # None before it is there, and after
    if used is not None:
        with suppress(OSError):
            used.shutdown(socket.SHUT_RDWR)


def _read(status: int, content: bytes, kind: type[T]) -> T:
    try:
        if status < 300:
            return msgspec.json.decode(content, type=kind)
        problem = msgspec.json.decode(content, type=Problem)
    except msgspec.MsgspecError:
        raise FileFailed("unavailable", f"HTTP {status}", True) from None
    raise FileFailed(problem.code, problem.detail, problem.temporary)
