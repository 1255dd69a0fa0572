"""Owns `python -m services.gateway backup` and `restore`: the bytes of files, as one stream of tar
out of the store of files, and from a directory into it."""

import argparse
import asyncio
import io
import sys
import tarfile
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from services.gateway.attachments.inspection import paths_of
from services.gateway.attachments.objects import READ_BYTES, Objects
from shared.commands import AttachedFile
from shared.errors import LinkupError, NotFound, StartError
from shared.settings import Settings

T = TypeVar("T")


def backup(settings: Settings, arguments: Sequence[str]) -> int:
    """Write the files named on stdin to stdout. One that was erased meanwhile is left out."""
    argparse.ArgumentParser(prog="python -m services.gateway backup").parse_args(arguments)
    objects = Objects(settings.attachment_store_url)
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        for line in sys.stdin.buffer:
            for path in paths_of(msgspec.json.decode(line, type=AttachedFile)):
                _add(archive, objects, path)
    return 0


def restore(settings: Settings, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.gateway restore")
    parser.add_argument("folder", type=Path, help="It holds original/ and thumbnail/.")
    folder = parser.parse_args(arguments).folder
    objects = Objects(settings.attachment_store_url)
    for file in sorted(folder.glob("*/*")):
        _run(_put(objects, f"{file.parent.name}/{file.name}", file))
        file.unlink()
    return 0


def _add(archive: tarfile.TarFile, objects: Objects, path: str) -> None:
    member = tarfile.TarInfo(path)
    try:
        member.size = _run(objects.size(path))
    except NotFound:
        return
    content: BinaryIO = objects.open(path) if member.size else io.BytesIO()
    with content:
        archive.addfile(member, content)


async def _put(objects: Objects, path: str, file: Path) -> None:
    await objects.write(path, _chunks(file))


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as content:
        while chunk := content.read(READ_BYTES):
            yield chunk


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except NotFound:
        raise
    except LinkupError as error:
        raise StartError(f"{error}: {error.__cause__ or error}") from None
