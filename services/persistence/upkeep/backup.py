"""Owns `python -m services.persistence backup` and `restore`: a copy of the store as of one moment,
and a store made of a copy. A copy is read in one snapshot, beside a running product or not.
"""

import argparse
import asyncio
import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from databases import DatabaseURL

from services.persistence.queries.log import ENDS, WRITER
from services.persistence.store.connections import hold
from services.persistence.store.schema import REVISION
from services.persistence.upkeep.command import reading
from shared.audit import Step, tell
from shared.backup import Copied, Restored, install
from shared.errors import StartError
from shared.settings import Settings

PAGES = 4096  # between two words on how far it is
SCHEMA = "SELECT version_num FROM alembic_version"
EPOCH = "SELECT value FROM meta WHERE key = 'epoch'"


def backup(settings: Settings, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.persistence backup")
    parser.add_argument("file", type=Path, help="The copy; it must not exist.")
    target = parser.parse_args(arguments).file
    with reading(settings) as source:
        source.execute("BEGIN")  # the snapshot that the copy is of, for as long as it takes
        [(epoch,)] = source.execute(EPOCH).fetchall()
        positions = _positions(source)
        _copy(source, target)
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
    path = Path(DatabaseURL(settings.store_url).database)
    async with hold(settings.data):
        if path.exists() and not asked.force:  # noqa: ASYNC240 - nothing else runs here
            raise StartError(f"there is a store already, {path}: add --force to replace it")
        _check(asked.file)
        if not asked.check:
            tell(_renewed(asked.file))
            _let_go(path)
            install(asked.file, path)


def _copy(source: sqlite3.Connection, target: Path) -> None:
    def progress(status: int, left: int, of: int) -> None:
        tell(Step(walk=target.name, rows=of - left, of=of))

    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            source.backup(copy, pages=PAGES, progress=progress)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    except sqlite3.Error as error:
        raise StartError(
            f"the store cannot be copied to {target}: {error}; see that there is room for all of it"
        ) from None


def _check(file: Path) -> None:
    """Raises StartError for what is no whole store that this release can use."""
    try:
        with closing(sqlite3.connect(file)) as copy:
            [(said,)] = copy.execute("PRAGMA integrity_check(1)").fetchall()
            [(schema,)] = copy.execute(SCHEMA).fetchall()
    except sqlite3.Error as error:
        raise StartError(f"the copy of the store is damaged ({error}): take another one") from None
    if said != "ok":
        raise StartError(f"the copy of the store is damaged ({said}): take another one")
    if schema > REVISION:
        raise StartError(
            f"the copy has schema {schema}, of a newer release (this one: {REVISION}): "
            "restore it with that release"
        )


def _renewed(file: Path) -> Restored:
    with closing(sqlite3.connect(file)) as copy, copy:
        epoch = secrets.token_hex(8)
        copy.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (epoch,))
        return Restored(epoch=epoch, positions=_positions(copy))


def _let_go(path: Path) -> None:
    """What stands in the log of the store that is replaced must not be taken for the new one's."""
    if path.exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _positions(connection: sqlite3.Connection) -> dict[str, int]:
    [(_, last)] = connection.execute(ENDS).fetchall()
    return {WRITER: last}
