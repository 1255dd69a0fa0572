"""Owns `python -m services.persistence backup` and `restore`.

`backup` copies the store in one snapshot, whether the product runs or not. `restore` puts a copy in
the place of the store.
"""

import argparse
import asyncio
import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from services.persistence.queries.log import ENDS, WRITER
from services.persistence.store.connections import hold
from services.persistence.store.schema import REVISION
from services.persistence.upkeep.command import reading
from shared.audit import Step, tell
from shared.backup import Copied, Restored
from shared.errors import StartError
from shared.settings import Settings
from shared.settings.addresses import file_of
from shared.sqlite import copies

WHAT = "the store"
EPOCH = "SELECT value FROM meta WHERE key = 'epoch'"


def backup(settings: Settings, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.persistence backup")
    parser.add_argument("file", type=Path, help="The copy; it must not exist.")
    target = parser.parse_args(arguments).file
    with reading(settings) as source:
        source.execute("BEGIN")  # the snapshot that the copy is of, for as long as it takes
        [(epoch,)] = source.execute(EPOCH).fetchall()
        positions = _positions(source)
        copies.copy(
            source, target, WHAT, lambda done, of: tell(Step(walk=target.name, rows=done, of=of))
        )
    tell(Copied(schema=REVISION, epoch=epoch, positions=positions))
    return 0


def restore(settings: Settings, arguments: Sequence[str]) -> int:
    """Make the copy the store, under a new epoch, so that every client reloads."""
    parser = argparse.ArgumentParser(prog="python -m services.persistence restore")
    parser.add_argument("file", type=Path, help="A copy that `backup` made; it is moved away.")
    parser.add_argument("--force", action="store_true", help="Replace the store that is there.")
    parser.add_argument("--check", action="store_true", help="Only see whether it could be done.")
    asked = parser.parse_args(arguments)
    asyncio.run(_restore(settings, asked))
    return 0


async def _restore(settings: Settings, asked: argparse.Namespace) -> None:
    path = Path(file_of(settings.store_url))
    async with hold(settings.data):
        if path.exists() and not asked.force:  # noqa: ASYNC240 - nothing else runs here
            raise StartError(f"there is a store already, {path}: add --force to replace it")
        copies.check(asked.file, WHAT, REVISION)
        if not asked.check:
            tell(_renewed(asked.file))
            copies.replace(path, asked.file)


def _renewed(file: Path) -> Restored:
    with closing(sqlite3.connect(file)) as copy, copy:
        epoch = secrets.token_hex(8)
        copy.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (epoch,))
        return Restored(epoch=epoch, positions=_positions(copy))


def _positions(connection: sqlite3.Connection) -> dict[str, int]:
    [(_, last)] = connection.execute(ENDS).fetchall()
    return {WRITER: last}
