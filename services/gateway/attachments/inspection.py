"""Owns the inspection of files: the files of messages must exist, with their thumbnails.

Only a gateway knows the store of files, and only the log knows which files there have to be. What
is not found is asked for once more: its message may have been erased meanwhile.
"""

import argparse
import asyncio
import logging
import random
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec

from services.gateway.attachments.objects import Objects
from services.gateway.attachments.uploads import original, thumbnail
from services.gateway.upstream.queries import Log
from shared.audit import tell
from shared.commands import (
    AttachedFile,
    AttachedFiles,
    AttachedFilesAnswer,
    Attachment,
    AttachmentRecord,
)
from shared.errors import LinkupError, NotFound, StartError
from shared.health.counters import Counters
from shared.health.records import record
from shared.settings import Settings

logger = logging.getLogger("linkup.gateway.inspection")

FIRST = 120.0  # seconds after the start
REST = 9  # times as long as looking for a file took


class Missing(AttachedFile, frozen=True, kw_only=True):
    """A file that is not there. `file` is its path in the store of files."""

    file: str


class Inspection:
    """Looks for the files of messages again and again. `every` is the number of seconds from the
    end of one round to the next, about; with 0 there is none."""

    def __init__(self, log: Log, objects: Objects, counters: Counters, every: float) -> None:
        self._log = log
        self._objects = objects
        self._counters = counters
        self._every = every

    async def run(self) -> None:
        """Run until cancelled."""
        pause = min(FIRST, self._every)
        while self._every:
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = self._every
            try:
                await self.once()
            except LinkupError as error:
                logger.warning("the files are not looked after: %s", error.__cause__ or error)

    async def once(self) -> int:
        """Look for all files once, and return the number of those that are not there. Raises
        LinkupError."""
        found, asked = 0, AttachedFiles()
        while files := (await self._log.ask(asked, AttachedFilesAnswer)).files:
            async for missing in absent(self._objects, files, REST):
                found += await self._judge(missing)
            asked = AttachedFiles(after=files[-1].attachment_id)
        return found

    async def _judge(self, missing: Missing) -> bool:
        try:
            await self._log.ask(Attachment(attachment_id=missing.attachment_id), AttachmentRecord)
        except NotFound:
            return False
        self._counters.add("invariant.file_absent")
        record(
            "invariant_violation",
            "a file of a message is not in the store of files; `linkup audit --all` says which",
            message_id=str(missing.message_id),
            conversation_id=missing.conversation_id,
        )
        return True


async def absent(
    objects: Objects, files: Iterable[AttachedFile], rest: float = 0
) -> AsyncIterator[Missing]:
    """Yield the files of which an object is missing. Raises Unavailable."""
    for file in files:
        began = time.monotonic()
        for path in paths_of(file):
            try:
                await objects.size(path)
            except NotFound:
                yield Missing(**msgspec.structs.asdict(file), file=path)
        await asyncio.sleep(rest * (time.monotonic() - began))


def paths_of(file: AttachedFile) -> list[str]:
    paths = [original(file.attachment_id)]
    return [*paths, thumbnail(file.attachment_id)] if file.thumbnail else paths


def audit(settings: Settings, arguments: Sequence[str]) -> int:
    """Tell which of the files named on stdin are not there: `python -m services.gateway audit`."""
    argparse.ArgumentParser(prog="python -m services.gateway audit").parse_args(arguments)
    objects = Objects(settings.attachment_store_url)

    async def look() -> None:
        named = (msgspec.json.decode(line, type=AttachedFile) for line in sys.stdin.buffer)
        async for missing in absent(objects, named):
            tell(missing)

    try:
        asyncio.run(look())
    except LinkupError as error:
        raise StartError(f"the files cannot be looked for: {error.__cause__ or error}") from None
    return 0
