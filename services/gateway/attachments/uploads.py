"""Owns an upload: its type is detected, it is streamed, decoded and committed.

The record is reserved before the first byte is written and committed after the last is synced,
so there are never bytes that nobody knows of. Whatever goes wrong in between, nothing is left.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager

from msgspec import UNSET

from services.gateway.attachments import kinds, pictures
from services.gateway.attachments.kinds import HEAD_BYTES, PICTURES, Kind
from services.gateway.attachments.objects import Objects
from services.gateway.attachments.pictures import Picture
from services.gateway.upstream.lanes import Lanes
from shared import frames
from shared.commands import (
    CommitAttachment,
    Done,
    ForgetAttachments,
    ReserveAttachment,
)
from shared.errors import InvalidRequest, LinkupError, Overloaded, RateLimited, TooLarge
from shared.settings import Settings

MAX_AT_ONCE = 32  # uploads of a gateway: what they hold in memory is bounded by it
MAX_OWN_AT_ONCE = 4  # of a user


def original(attachment_id: str) -> str:
    return f"original/{attachment_id}"


def thumbnail(attachment_id: str) -> str:
    return f"thumbnail/{attachment_id}"


def limits_of(settings: Settings) -> Mapping[Kind, int]:
    return {
        "image": settings.attachment_image_bytes,
        "document": settings.attachment_document_bytes,
        "audio": settings.attachment_audio_bytes,
        "video": settings.attachment_video_bytes,
    }


class Uploads:
    def __init__(self, lanes: Lanes, objects: Objects, limits: Mapping[Kind, int]) -> None:
        self._lanes = lanes
        self._objects = objects
        self._limits = limits
        self._running: Counter[str] = Counter()
        self._looking = asyncio.Semaphore(1)  # one image decoded at a time

    def admit(self, length: int) -> None:
        """Judge by the length alone, before the first byte. Raises TooLarge."""
        most = max(self._limits.values())
        if length > most:
            raise _too_large(most)

    async def receive(
        self, user_id: str, name: str, length: int, chunks: AsyncIterator[bytes]
    ) -> frames.Attachment:
        """Take in an upload. `length`: what the client says it will send, 0 if nothing. Raises
        LinkupError."""
        with self._counted(user_id):
            head = await _beginning(chunks)
            media_type = kinds.media_type(head, name)
            most = self._limits[kinds.kind_of(media_type)]
            if length > most:
                raise _too_large(most)
            attachment_id = secrets.token_hex(16)
            reserve = ReserveAttachment(user_id=user_id, attachment_id=attachment_id, name=name)
            await self._lanes.call(reserve, Done)
            try:
                body = _up_to(most, head, chunks)
                committed = await self._store(user_id, attachment_id, media_type, body)
            except BaseException:
                await self._give_up(user_id, attachment_id)
                raise
        return _shown(committed, name)

    async def _store(
        self, user_id: str, attachment_id: str, media_type: str, body: AsyncIterator[bytes]
    ) -> CommitAttachment:
        size = await self._objects.write(original(attachment_id), body)
        picture = await self._look_at(attachment_id, media_type)
        if picture is not None and picture.thumbnail is not None:
            await self._objects.put(thumbnail(attachment_id), picture.thumbnail)
        command = CommitAttachment(
            user_id=user_id,
            attachment_id=attachment_id,
            media_type=media_type,
            size=size,
            width=picture.width if picture else None,
            height=picture.height if picture else None,
            thumbnail=bool(picture and picture.thumbnail),
        )
        await self._lanes.call(command, Done)
        return command

    async def _look_at(self, attachment_id: str, media_type: str) -> Picture | None:
        if media_type not in PICTURES:
            return None

        def look() -> Picture:
            with self._objects.open(original(attachment_id)) as file:
                return pictures.look_at(file, media_type)

        async with self._looking:
            return await asyncio.to_thread(look)

    async def _give_up(self, user_id: str, attachment_id: str) -> None:
        """Delete an upload. If this fails, the sweep does it a day later."""
        try:
            await self._objects.delete((original(attachment_id), thumbnail(attachment_id)))
            forget = ForgetAttachments(user_id=user_id, attachment_ids=[attachment_id])
            await self._lanes.call(forget, Done)
        except LinkupError:
            return

    @contextmanager
    def _counted(self, user_id: str) -> Iterator[None]:
        if self._running.total() >= MAX_AT_ONCE:
            raise Overloaded("Too many uploads are in progress: try again later")
        if self._running[user_id] >= MAX_OWN_AT_ONCE:
            raise RateLimited(f"A user can have at most {MAX_OWN_AT_ONCE} uploads in progress")
        self._running[user_id] += 1
        try:
            yield
        finally:
            self._running[user_id] -= 1
            if not self._running[user_id]:
                del self._running[user_id]


def _shown(done: CommitAttachment, name: str) -> frames.Attachment:
    return frames.Attachment(
        attachment_id=done.attachment_id,
        name=name,
        media_type=done.media_type,
        size=done.size,
        width=UNSET if done.width is None else done.width,
        height=UNSET if done.height is None else done.height,
        thumbnail=True if done.thumbnail else UNSET,
    )


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """Return enough to judge the file by. Raises InvalidRequest when there is none."""
    head = bytearray()
    async for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    if not head:
        raise InvalidRequest("The file is empty")
    return bytes(head)


async def _up_to(most: int, head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield all of it, unless it is more than that: TooLarge."""
    size = len(head)
    if size > most:
        raise _too_large(most)
    yield head
    async for chunk in rest:
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        yield chunk


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"A file of this kind can have at most {most} bytes")
