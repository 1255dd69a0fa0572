"""Owns notify's database: its schema, its one connection, one transaction at a time."""

import asyncio
import logging
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from databases import Database, DatabaseURL
from sqlalchemy.exc import DBAPIError

from shared.errors import SettingError, StartError, Unavailable
from shared.files import Displaced, Files
from shared.records import record

logger = logging.getLogger("linkup.notify")

T = TypeVar("T")

REVISION = "0009"  # the newest of migrations/versions
BUSY_TIMEOUT_MS = 1000


class Between(Protocol):
    async def __call__(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do that in a transaction of its own. Raises Unavailable."""


class SyncedConnection(sqlite3.Connection):
    """A connection whose commits are on the disk, also on macOS. Rows have names."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.row_factory = sqlite3.Row
        try:
            self.execute("PRAGMA journal_mode = WAL")
            self.execute("PRAGMA synchronous = FULL")
            self.execute("PRAGMA fullfsync = 1")
            self.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        except sqlite3.Error:
            self.close()  # nobody holds a connection whose `__init__` raises
            raise


class Held:
    """One connection, held for the life of the process, and opened again after it failed."""

    def __init__(self, url: str) -> None:
        self._url = DatabaseURL(url)
        self._database = Database(url, factory=SyncedConnection)
        self._connection: Any = None
        self._anchor: Any = None  # while it is open, SQLite keeps the files
        self._files: Files | None = None
        self._turn = asyncio.Lock()

    async def transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """All that `work` does on the connection, or nothing of it, in one trip to the driver's
        thread. Raises Unavailable."""
        # The driver's thread goes on when we are cancelled: so does the transaction, whole.
        return await asyncio.shield(self._run(work))

    async def close(self) -> None:
        async with self._turn:
            anchor, self._anchor = self._anchor, None
            if anchor is not None:
                await anchor.__aexit__()
            await self._discard()

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        async with self._turn:
            sound = False
            try:
                connection = self._connection or await self._open_again()
                result: T = await _trip(connection, lambda raw: self._transact(raw, work))
                sound = True
                return result
            except (sqlite3.Error, Displaced) as error:
                record("persistence_error", "notify's database: {reason}", reason=str(error))
                sound = isinstance(error, Displaced)  # it has what is nowhere else any more
                raise Unavailable(f"notify's database: {error}") from None
            finally:
                if not sound:  # closing rolls back; a failed COMMIT leaves nothing to trust
                    await self._discard()

    def _transact(
        self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]
    ) -> T:
        if self._files is not None:
            self._files.check()
        connection.execute("BEGIN IMMEDIATE")
        result = work(connection)
        connection.execute("COMMIT")
        return result

    async def _open_again(self) -> Any:
        if self._files is not None:
            await asyncio.to_thread(self._files.check)
        return await self.open()

    async def open(self) -> Any:
        """Raises StartError when the file does not sync what it commits."""
        if not self._database.is_connected:
            await self._database.connect()
        connection = self._database.connection()
        await connection.__aenter__()
        self._connection = connection
        journal = await connection.fetch_val("PRAGMA journal_mode")
        synchronous = await connection.fetch_val("PRAGMA synchronous")
        if (journal, synchronous) != ("wal", 2):
            await self._discard()
            raise StartError(f"notify's database runs {journal}, synchronous={synchronous}")
        if self._anchor is None:
            self._anchor = Database(self._url).connection()
            await self._anchor.__aenter__()
            await self._anchor.fetch_all("SELECT 1 FROM sqlite_schema")
            self._files = await asyncio.to_thread(Files, Path(self._url.database))
        return connection

    async def _discard(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await connection.__aexit__()
        except sqlite3.Error:
            logger.warning("closing a broken database connection failed")


async def _trip(connection: Any, work: Callable[[sqlite3.Connection], T]) -> T:
    """See docs/adr/0004: the driver has no public name for it."""
    driver = connection.raw_connection
    result: T = await driver._execute(work, driver._conn)
    return result


@asynccontextmanager
async def alone(file: Path) -> AsyncIterator[None]:
    """Keep a second notify off the same file: two writers are more than SQLite's WAL bears."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        opened = file.with_name(file.name + ".lock").open("w")
    except OSError as error:
        raise StartError(
            f"cannot write to {file.parent}: {error.strerror}; set LINKUP_DATA_DIR, or "
            "LINKUP_NOTIFY_DATABASE_URL where that is set"
        ) from None
    with opened as lock:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StartError(f"another notify is using {file}; stop it first") from None
        yield


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Held]:
    """The file, ours alone, its schema up to date. Raises SettingError, StartError."""
    if DatabaseURL(url).dialect != "sqlite":
        raise SettingError("LINKUP_NOTIFY_DATABASE_URL: this release keeps notify in SQLite")
    async with alone(Path(DatabaseURL(url).database)):
        held = Held(url)
        try:
            await _prepare(held, url)
            yield held
        finally:
            await held.close()


async def _prepare(held: Held, url: str) -> None:
    try:
        await _bring_up_to_date(url)
        await held.open()
    except (DBAPIError, sqlite3.Error) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise StartError(f"cannot open notify's database {url}: {reason}") from None


async def _bring_up_to_date(url: str) -> None:
    """Alembic takes longer to load than all else: only when there is something to apply."""
    found = await _revision(url)
    if found == REVISION:
        return
    if found is not None and found > REVISION:
        raise StartError(
            f"notify's database has schema {found}, of a newer release (this one: {REVISION}); "
            "start that release, or restore a backup from before it"
        )
    from services.notify.migrate import upgrade

    await asyncio.to_thread(upgrade, url)


async def _revision(url: str) -> str | None:
    """None of a file that is yet to be made."""
    async with Database(url) as database:
        try:
            found: str | None = await database.fetch_val("SELECT version_num FROM alembic_version")
        except sqlite3.OperationalError:  # no such table; whatever else it is, Alembic meets it too
            return None
    return found
