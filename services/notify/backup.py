"""Owns `python -m services.notify backup` and `restore`: a copy of its database as of one moment,
and a database made of a copy, which sends no e-mail a second time.
"""

import argparse
import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import msgspec
from databases import DatabaseURL

from services.notify.audit import reading
from services.notify.database import REVISION, alone
from services.notify.rows import SAVE_PROGRESS
from services.notify.store import NAME
from shared import clock
from shared.audit import tell
from shared.backup import Copied, Restored, install
from shared.errors import StartError
from shared.settings import Settings

SCHEMA = "SELECT version_num FROM alembic_version"
# What was due may have been sent after the copy was made: it stays in the inbox, without an e-mail.
SETTLE = """
UPDATE deliveries SET state = CASE state WHEN 'sending' THEN 'unknown' ELSE 'cancelled' END,
    reason = 'restored', closed_at = :now
WHERE state IN ('claimed', 'sending') OR (state = 'waiting' AND due_at <= :now)
"""


def backup(settings: Settings, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.notify backup")
    parser.add_argument("file", type=Path, help="The copy; it must not exist.")
    target = parser.parse_args(arguments).file
    with reading(settings) as source:
        [(schema,)] = source.execute(SCHEMA).fetchall()
        _copy(source, target)
    tell(Copied(schema=schema))
    return 0


def restore(settings: Settings, arguments: Sequence[str]) -> int:
    """Make the copy the database of the restored store, which it follows from where that ends."""
    parser = argparse.ArgumentParser(prog="python -m services.notify restore")
    parser.add_argument("file", type=Path, help="A copy that `backup` made; it is moved away.")
    parser.add_argument("--force", action="store_true", help="Replace the database that is there.")
    parser.add_argument("--log", help="The end of the restored log, as persistence told it; "
                        "without it, only see whether it could be done.")  # fmt: skip
    asked = parser.parse_args(arguments)
    asyncio.run(_restore(settings, asked))
    return 0


async def _restore(settings: Settings, asked: argparse.Namespace) -> None:
    path = Path(DatabaseURL(settings.notify_store_url).database)
    async with alone(path):
        if path.exists() and not asked.force:  # noqa: ASYNC240 - nothing else runs here
            raise StartError(f"there is a database already, {path}: add --force to replace it")
        _check(asked.file)
        if asked.log is not None:
            _settle(asked.file, msgspec.json.decode(asked.log, type=Restored), clock.now())
            _let_go(path)
            install(asked.file, path)


def _copy(source: sqlite3.Connection, target: Path) -> None:
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    except sqlite3.Error as error:
        raise StartError(
            f"notify's database cannot be copied to {target}: {error}; see that there is room"
        ) from None


def _check(file: Path) -> None:
    """Raises StartError for what is no whole database that this release can use."""
    try:
        with closing(sqlite3.connect(file)) as copy:
            [(said,)] = copy.execute("PRAGMA integrity_check(1)").fetchall()
            [(schema,)] = copy.execute(SCHEMA).fetchall()
    except sqlite3.Error as error:
        raise StartError(f"the copy of notify's database is damaged ({error})") from None
    if said != "ok":
        raise StartError(f"the copy of notify's database is damaged ({said}): take another one")
    if schema > REVISION:
        raise StartError(
            f"the copy of notify's database has schema {schema}, of a newer release "
            f"(this one: {REVISION}): restore it with that release"
        )


def _settle(file: Path, log: Restored, now: int) -> None:
    positions = msgspec.json.encode(log.positions).decode()
    with closing(sqlite3.connect(file)) as copy, copy:
        copy.execute(SETTLE, {"now": now})
        copy.execute(SAVE_PROGRESS, {"follower": NAME, "epoch": log.epoch, "positions": positions})


def _let_go(path: Path) -> None:
    """What stands in the log of the file that is replaced must not be taken for the new one's."""
    if path.exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
