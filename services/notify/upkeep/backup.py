"""Owns `python -m services.notify backup` and `restore`.

`backup` copies the database as of one moment. `restore` puts a copy in its place, and sends no
e-mail a second time.
"""

import argparse
import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from services.notify.database import REVISION, WHAT, alone
from services.notify.store.rows import SAVE_PROGRESS, SETTLE_OLDER
from services.notify.store.store import NAME
from services.notify.upkeep.audit import reading
from shared import clock
from shared.audit import tell
from shared.backup import Copied, Restored
from shared.errors import StartError
from shared.settings import Settings
from shared.settings.addresses import path_of
from shared.sqlite import copies
from shared.sqlite.schema import VERSION


def backup(settings: Settings, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.notify backup")
    parser.add_argument("file", type=Path, help="The copy; it must not exist.")
    target = parser.parse_args(arguments).file
    with reading(settings) as source:
        [(schema,)] = source.execute(VERSION).fetchall()
        copies.copy(source, target, WHAT)
    tell(Copied(schema=schema))
    return 0


def restore(settings: Settings, arguments: Sequence[str]) -> int:
    """Make the copy the database, which then follows the restored log from its end."""
    parser = argparse.ArgumentParser(prog="python -m services.notify restore")
    parser.add_argument("file", type=Path, help="A copy that `backup` made; it is moved away.")
    parser.add_argument("--force", action="store_true", help="Replace the database that is there.")
    parser.add_argument("--log", help="The end of the restored log, as persistence told it; "
                        "without it, only see whether it could be done.")  # fmt: skip
    asked = parser.parse_args(arguments)
    asyncio.run(_restore(settings, asked))
    return 0


async def _restore(settings: Settings, asked: argparse.Namespace) -> None:
    path = Path(path_of(settings.notify_store_url))
    async with alone(path):
        if path.exists() and not asked.force:  # noqa: ASYNC240 - nothing else runs here
            raise StartError(f"there is a database already, {path}: add --force to replace it")
        copies.check(asked.file, WHAT, REVISION)
        if asked.log is not None:
            _settle(asked.file, msgspec.json.decode(asked.log, type=Restored), clock.now())
            copies.replace(path, asked.file)


def _settle(file: Path, log: Restored, now: int) -> None:
    positions = msgspec.json.encode(log.positions).decode()
    with closing(sqlite3.connect(file)) as copy, copy:
        copy.execute(SETTLE_OLDER, {"now": now})
        copy.execute(SAVE_PROGRESS, {"follower": NAME, "epoch": log.epoch, "positions": positions})
