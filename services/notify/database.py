"""Owns notify's database: its schema, its one connection, one transaction at a time."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from shared.errors import SettingError, StartError, Unavailable
from shared.files import Displaced, Files
from shared.health.records import record
from shared.settings.addresses import path_of
from shared.sqlite import schema
from shared.sqlite.held import Held
from shared.sqlite.lock import locked
from shared.sqlite.pragmas import SYNCED, put

logger = logging.getLogger("linkup.notify")

T = TypeVar("T")

REVISION = "0015"  # the newest of migrations/versions
WHAT = "notify's database"
BUSY_TIMEOUT_MS = 1000
IN_MEMORY = "PRAGMA temp_store=MEMORY"  # what a savepoint keeps, or each would make a file
CACHE = "PRAGMA cache_size=-16384"  # KiB: a page of the log changes the lists of many users
CHECKPOINTS = "PRAGMA wal_autocheckpoint=4096"  # pages: what changes often is copied back once


class Between(Protocol):
    async def __call__(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do that in a transaction of its own. Raises Unavailable."""


class SyncedConnection(sqlite3.Connection):
    """A connection whose commits are on the disk, also on macOS. Rows have names."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.row_factory = sqlite3.Row
        erasing = "PRAGMA secure_delete=1"  # what is erased is overwritten
        busy = f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}"
        put(self, *SYNCED, IN_MEMORY, CACHE, CHECKPOINTS, erasing, busy)


class Piece(Generic[T]):
    """A piece of work in a transaction. Its own error undoes it, but not its neighbours; an error
    of the database undoes them all."""

    def __init__(self, work: Callable[[sqlite3.Connection], T]) -> None:
        self.ended = False
        self._work = work
        self._result: list[T] = []
        self._error: Exception | None = None

    def do(self, connection: sqlite3.Connection) -> bool:
        """Do it, and say whether that went well."""
        try:
            self._result.append(self._work(connection))
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - it is raised where the work was asked for
            self._error = error
        return self._error is None

    def end(self, reason: str) -> None:
        """`reason`: why nothing is committed; empty if it is."""
        self.ended = True
        if reason:
            self._error = Unavailable(f"{WHAT}: {reason}")

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error from None
        return self._result[0]


class Transactions:
    """One connection for the life of the process; its transactions come one after the other."""

    def __init__(self, url: str) -> None:
        self._path = Path(path_of(url))
        self._held = Held(url, SyncedConnection)
        self._anchor = Held(url, sqlite3.Connection)  # while it is open, SQLite keeps the files
        self._turn = asyncio.Lock()
        self._waiting: list[Piece[Any]] = []

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
        thread. What waits at the same time is committed, and synced, together. Raises
        Unavailable."""
        # The driver's thread goes on when we are cancelled: so does the transaction, whole.
        return await asyncio.shield(self._run(Piece(work)))

    async def apart(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do that in no transaction, and while there is none. Raises Unavailable."""
        async with self._turn:
            try:
                return await self._held.run(work)
            except (sqlite3.Error, Displaced) as error:
                raise Unavailable(f"{WHAT}: {error}") from error

    async def close(self) -> None:
        async with self._turn:
            await self._anchor.close()
            await self._discard()

    async def _run(self, piece: "Piece[T]") -> T:
        self._waiting.append(piece)
        async with self._turn:
            if not piece.ended:  # else whoever had the turn before took it along
                pieces, self._waiting = self._waiting, []
                await self._together(pieces)
        return piece.outcome()

    async def _together(self, pieces: "list[Piece[Any]]") -> None:
        sound, reason = False, "interrupted"
        try:
            await self._held.run(lambda raw: self._transact(raw, pieces))
            sound, reason = True, ""
        except (sqlite3.Error, Displaced) as error:
            reason = str(error)
            record("persistence_error", "notify's database: {reason}", reason=reason)
            sound = isinstance(error, Displaced)  # it has what is nowhere else any more
        finally:
            for piece in pieces:
                piece.end(reason)
            if not sound:  # closing rolls back; a failed COMMIT leaves nothing to trust
                await self._discard()

    def _transact(self, connection: sqlite3.Connection, pieces: "list[Piece[Any]]") -> None:
        if self._held.guard is not None:
            self._held.guard()
        connection.execute("BEGIN IMMEDIATE")
        if len(pieces) == 1:
            connection.execute("COMMIT" if pieces[0].do(connection) else "ROLLBACK")
            return
        for piece in pieces:
            connection.execute("SAVEPOINT piece")
            if not piece.do(connection):
                connection.execute("ROLLBACK TO piece")
            connection.execute("RELEASE piece")
        connection.execute("COMMIT")

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
