"""Owns the file of a backup: a tar of the databases and files, with a manifest behind them.

The manifest comes last, as it has the size and SHA-256 of each part: what was cut off has none.
"""

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, cast

import msgspec
from msgspec import Struct

from shared.errors import StartError

FORMAT = 1
MANIFEST = "manifest.json"
MOST_MANIFEST_BYTES = 2**31
NAMES = re.compile(r"linkup\.db|notify\.db|attachments/(original|thumbnail)/[0-9a-f]{32}")
CHUNK = 1024 * 1024


class Broken(StartError):
    """The file is no whole backup; the text says why."""


class Part(Struct, frozen=True):
    size: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """The manifest of a backup. `positions` says where the log ended, by writer. `files_at` says
    where files are that are not in the backup; it is empty when they are. `made_at` is as in RFC
    3339."""

    format: int = FORMAT
    version: str
    made_at: str
    schemas: Mapping[str, str]
    epoch: str
    positions: Mapping[str, int]
    files_at: str = ""
    parts: Mapping[str, Part] = {}


class Digest:
    """A file that is read to its end, and what went through."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._size = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._hash.update(chunk)
        self._size += len(chunk)
        return chunk

    def part(self) -> Part:
        return Part(self._size, self._hash.hexdigest())


class Writer(AbstractContextManager["Writer"]):
    def __init__(self, file: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w|")  # noqa: SIM115 - closed by __exit__
        self.parts: dict[str, Part] = {}

    def add(self, name: str, size: int, content: IO[bytes]) -> None:
        digest = Digest(content)
        self._tar.addfile(_member(name, size), cast("IO[bytes]", digest))
        self.parts[name] = digest.part()

    def add_file(self, name: str, path: Path) -> None:
        with path.open("rb") as content:
            self.add(name, os.fstat(content.fileno()).st_size, content)

    def finish(self, manifest: Manifest) -> None:
        content = msgspec.json.format(msgspec.json.encode(manifest))
        self._tar.addfile(_member(MANIFEST, len(content)), io.BytesIO(content))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._tar.close()


def unpack(file: BinaryIO, folder: Path) -> Manifest:
    """Put all parts there and hold them against the manifest. Raises Broken and OSError."""
    parts: dict[str, Part] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or manifest is not None:
                    raise Broken(f"the backup holds something else: {member.name!r}")
                if member.name == MANIFEST:
                    manifest = _manifest(content.read(MOST_MANIFEST_BYTES))
                else:
                    parts[member.name] = _extract(member.name, content, folder)
    except (tarfile.TarError, EOFError) as error:
        raise Broken(f"this is no backup, or it is damaged: {error}") from None
    if manifest is None:
        raise Broken("the backup is cut off: its end is missing")
    _compare(manifest.parts, parts)
    return manifest


def _extract(name: str, content: IO[bytes], folder: Path) -> Part:
    if not NAMES.fullmatch(name):
        raise Broken(f"the backup holds something else: {name!r}")
    path, digest = folder / name, Digest(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        while chunk := digest.read(CHUNK):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.part()


def _manifest(content: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Broken(f"the manifest of the backup is damaged: {error}") from None
    if manifest.format != FORMAT:
        raise Broken(
            f"the backup has the format {manifest.format}, of release {manifest.version}: "
            "restore it with that release"
        )
    return manifest


def _compare(wanted: Mapping[str, Part], found: Mapping[str, Part]) -> None:
    for name in sorted({"linkup.db", "notify.db", *wanted, *found}):
        if name not in wanted or wanted[name] != found.get(name):
            raise Broken(f"the backup is damaged: {name} is not what the manifest says")


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member
