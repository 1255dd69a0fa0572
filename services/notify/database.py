"""Owns notify's database: its schema, its one connection, one transaction at a time."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from shared.addresses import path_of
from shared.errors import SettingError, StartError, Unavailable
from shared.files import Displaced, Files
from shared.records import record
from shared.sqlite import schema
from shared.sqlite.held import Held
from shared.sqlite.lock import locked
from shared.sqlite.pragmas import SYNCED, put

logger = logging.getLogger("linkup.notify")

T = TypeVar("T")

REVISION = "0012"  # the newest of migrations/versions
WHAT = "notify's database"
BUSY_TIMEOUT_MS = 1000


class Between(Protocol):
    async def __call__(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do that in a transaction of its own. Raises Unavailable."""


class SyncedConnection(sqlite3.Connection):
    """A connection whose commits are on the disk, also on macOS. Rows have names."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.row_factory = sqlite3.Row
        put(self, *SYNCED, f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


class Transactions:
    """One connection for the life of the process; its transactions come one after the other."""

    def __init__(self, url: str) -> None:
        self._path = Path(path_of(url))
        self._held = Held(url, SyncedConnection)
        self._anchor = Held(url, sqlite3.Connection)  # while it is open, SQLite keeps the files
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Raises StartError when the file does not sync what it commits."""
        journal, synchronous = await self._held.run(_durability)
        if (journal, synchronous) != ("wal", 2):
            raise StartError(f"{WHAT} runs {journal}, synchronous={synchronous}")
        await self._anchor.fetch("SELECT 1 FROM sqlite_schema")
        files = await asyncio.to_thread(Files, self._path)
        self._held.guard = files.check

    async def transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """All that `work` does on the connection, or nothing of it, in one trip to the driver's
        thread. Raises Unavailable."""
        # The driver's thread goes on when we are cancelled: so does the transaction, whole.
        return await asyncio.shield(self._run(work))

    async def close(self) -> None:
        async with self._turn:
            await self._anchor.close()
            await self._discard()

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        async with self._turn:
            sound = False
            try:
                result = await self._held.run(lambda raw: self._transact(raw, work))
                sound = True
                return result
            except (sqlite3.Error, Displaced) as error:
                record("persistence_error", "notify's database: {reason}", reason=str(error))
                sound = isinstance(error, Displaced)  # it has what is nowhere else any more
                raise Unavailable(f"{WHAT}: {error}") from None
            finally:
                if not sound:  # closing rolls back; a failed COMMIT leaves nothing to trust
                    await self._discard()

    def _transact(
        self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]
    ) -> T:
        if self._held.guard is not None:
            self._held.guard()
        connection.execute("BEGIN IMMEDIATE")
        result = work(connection)
        connection.execute("COMMIT")
        return result

    async def _discard(self) -> None:
        try:
            await self._held.close()
        except sqlite3.Error:
            logger.warning("closing a broken database connection failed")


def _durability(connection: sqlite3.Connection) -> tuple[str, int]:
    [(journal,)] = connection.execute("PRAGMA journal_mode").fetchall()
    [(synchronous,)] = connection.execute("PRAGMA synchronous").fetchall()
    return journal, synchronous


def lock_of(file: Path) -> Path:
    return file.with_name(file.name + ".lock")


def alone(file: Path) -> AbstractAsyncContextManager[None]:
    """Keep a second notify off the same file. Raises StartError."""
    remedy = "LINKUP_DATA_DIR, or LINKUP_NOTIFY_DATABASE_URL where that is set"
    return locked(lock_of(file), f"another notify is using {file}", remedy)


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Transactions]:
    """The file, ours alone, its schema up to date. Raises SettingError, StartError."""
    if not url.startswith("sqlite:"):
        raise SettingError("LINKUP_NOTIFY_DATABASE_URL: this release keeps notify in SQLite")
    async with alone(Path(path_of(url))):
        transactions = Transactions(url)
        try:
            await _prepare(transactions, url)
            yield transactions
        finally:
            await transactions.close()


async def _prepare(transactions: Transactions, url: str) -> None:
    async def upgrade() -> None:
        from services.notify.migrate import upgrade

        await asyncio.to_thread(upgrade, url)

    try:
        await schema.bring_up_to_date(Path(path_of(url)), REVISION, WHAT, upgrade)
        await transactions.open()
    except sqlite3.Error as error:
        raise StartError(f"cannot open {WHAT} {url}: {error}") from None
