"""Owns files over HTTP: uploading one, and getting its URLs."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import BinaryIO
from urllib.parse import quote

import msgspec
from msgspec import Struct

from linkup_client.errors import FileFailed
from linkup_client.frames import Attachment
from linkup_client.http import Http


class FileLink(Struct, frozen=True, kw_only=True):
    """The URLs of a file. Anybody who has them can use them until `expires_at`."""

    attachment_id: str
    url: str
    thumbnail_url: str | None = None
    expires_at: datetime


class Files:
    """The files of messages. `url` is that of the socket, which says where HTTP is."""

    def __init__(self, url: str, token: str | Callable[[], Awaitable[str]]) -> None:
        self._http = Http(url, token, FileFailed)

    async def upload(self, file: BinaryIO | bytes, name: str) -> Attachment:
        """Raises FileFailed. Cancelled, it is cut off, and the server forgets it."""
        target = f"/v1/attachments?name={quote(name, safe='')}"
        return await self._http.call("POST", target, file, Attachment)

    async def link(self, attachment_id: str) -> FileLink:
        """Raises FileFailed."""
        target = f"/v1/attachments/{quote(attachment_id, safe='')}"
        found = await self._http.call("GET", target, None, FileLink)
        origin = self._http.origin
        thumbnail = None if found.thumbnail_url is None else origin + found.thumbnail_url
        return msgspec.structs.replace(found, url=origin + found.url, thumbnail_url=thumbnail)
