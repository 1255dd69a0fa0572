"""Owns the bytes of files: one object for each original and thumbnail, in a store named by a URL.

Nobody else imports obstore. Paths are made of ids of ours alone, never of a name. An object is
there as a whole or not at all; on a local disk it is synced before it counts as written. A store
that does not answer in time cannot be reached.
"""

import asyncio
import io
import os
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from shared.errors import NotFound, StartError, Unavailable

LOCAL_PART_BYTES = 256 * 1024
REMOTE_PART_BYTES = 5 * 1024 * 1024  # the least S3 takes
READ_BYTES = 256 * 1024
STAGED = re.compile(r".+#\d+\Z")  # how obstore names what it has not finished
ANSWERED_WITHIN = 30.0  # seconds, of each operation
STAGED_FOR = 24 * 3600.0  # seconds; no upload takes that long


class Objects:
    """A store of files, at `file:///…` or `s3://bucket/prefix`; what else S3 needs is in its own
    variables."""

    def __init__(self, url: str) -> None:
        """Raises StartError."""
        parts = urlsplit(url)
        # obstore's own reading of a URL knows neither control characters nor bytes that are no text
        local = parts.scheme == "file"
        self._root = Path(os.fsdecode(unquote_to_bytes(parts.path))) if local else None
        try:
            self._store: Any = LocalStore(self._root, mkdir=True) if local else from_url(url)
        except (BaseError, OSError, ValueError) as error:
            raise StartError(f"LINKUP_ATTACHMENTS_URL={url} cannot be used: {error}") from None
        self._part_bytes = LOCAL_PART_BYTES if local else REMOTE_PART_BYTES

    async def write(self, path: str, chunks: AsyncIterator[bytes]) -> int:
        """Write the chunks, and return the number of bytes. When they end in an error nothing is
        left behind."""
        with _translated():
            # Pushed, not pulled: an iterator handed to obstore would be called from its threads,
            # even while the interpreter ends.
            writer = obstore.open_writer_async(
                self._store, path, buffer_size=self._part_bytes, max_concurrency=1
            )
        size = 0
        try:
            async for chunk in chunks:
                size += len(chunk)
                async with _reached():
                    await writer.write(chunk)
            async with _reached():
                await writer.close()
                await self._sync(path)
        except BaseException:
            del writer  # it removes what it has written: now, and not when this error is forgotten
            raise
        return size

    async def put(self, path: str, content: bytes) -> None:
        async with _reached():
            await obstore.put_async(self._store, path, content, use_multipart=False)
            await self._sync(path)

    async def read(self, path: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to but without `end`. Raises NotFound before the
        first."""
        if start == end:
            return
        async with _reached():
            found = await obstore.get_async(self._store, path, options={"range": (start, end)})
        async for chunk in found.stream(min_chunk_size=READ_BYTES):
            yield bytes(chunk)

    async def size(self, path: str) -> int:
        """Raises NotFound."""
        async with _reached():
            return int((await obstore.head_async(self._store, path))["size"])

    async def delete(self, paths: Iterable[str]) -> None:
        """Delete objects. Missing ones count as deleted."""
        for path in paths:
            try:
                async with _reached():
                    await obstore.delete_async(self._store, path)
            except NotFound:
                continue

    def open(self, path: str) -> BinaryIO:
        """Return a file to read and seek in, piece by piece. Blocks."""
        return io.BufferedReader(_Object(obstore.open_reader(self._store, path)))

    async def clear_staged(self) -> None:
        """Delete the incomplete files of killed processes. (On S3, a lifecycle rule does this.)"""
        if self._root is not None:
            with _translated():
                await asyncio.to_thread(_remove_staged, self._root, time.time() - STAGED_FOR)

    async def _sync(self, path: str) -> None:
        if self._root is not None:
            await asyncio.to_thread(_sync_file, self._root / path)


class _Object(io.RawIOBase):
    """obstore's reader as the standard library has files."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = bytes(self._reader.read(len(buffer)))
        buffer[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self._reader.tell())


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    with _translated():
        async with asyncio.timeout(ANSWERED_WITHIN):
            yield


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound("There is no such attachment") from None
    except (BaseError, OSError) as error:
        raise Unavailable("The file storage cannot be reached") from error


def _sync_file(path: Path) -> None:
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_staged(root: Path, before: float) -> None:
    for path in root.glob("*/*"):
        if STAGED.match(path.name):
            with suppress(FileNotFoundError):  # an upload has come to its end meanwhile
                if path.stat().st_mtime < before:
                    path.unlink()
