"""Owns opening the database: the write lock, the pragmas, and read-only connections."""

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from databases import Database

from shared.errors import StartError

T = TypeVar("T")
Row = tuple[Any, ...]

BUSY_TIMEOUT_MS = 1000  # below one request of a lane
CHECKPOINT_PAGES = 4096  # 16 MiB: a page that changed a hundred times is copied back once


class WriterConnection(sqlite3.Connection):
    """Every commit is synced (FULL): an ack must survive the power."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _set(
            self,
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "PRAGMA fullfsync=1",  # macOS: reach the platter; elsewhere without effect
            "PRAGMA foreign_keys=1",
            "PRAGMA secure_delete=1",  # what is erased is overwritten
            f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
            "PRAGMA cache_size=-65536",
            f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}",
        )


class ReaderConnection(sqlite3.Connection):
    """Reads a snapshot; never writes, never checkpoints."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _set(
            self,
            "PRAGMA query_only=1",
            "PRAGMA wal_autocheckpoint=0",
            f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
        )


def _set(connection: sqlite3.Connection, *pragmas: str) -> None:
    """Close a connection that cannot be set so: nobody holds one whose `__init__` raises."""
    try:
        for pragma in pragmas:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise


class Held:
    """One connection, held for its life, opened again after it had to be discarded."""

    def __init__(
        self,
        url: str,
        factory: type[sqlite3.Connection],
        guard: Callable[[], None] | None = None,
    ) -> None:
        """`guard`: called before the file is opened; it raises when that must not be."""
        self._url = url
        self._factory = factory
        self.guard = guard
        self._connection: Any = None
        self._raw: Any = None

    async def open(self) -> None:
        if self.guard is not None:
            await asyncio.to_thread(self.guard)
        # A Database of its own: databases would share one connection between calls of a task.
        connection = Database(self._url, factory=self._factory).connection()
        await connection.__aenter__()
        self._connection, self._raw = connection, connection.raw_connection

    async def close(self) -> None:
        connection, self._connection, self._raw = self._connection, None, None
        if connection is not None:
            await connection.__aexit__()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do all of that in the driver's thread: one trip for however many statements."""
        if self._raw is None:
            await self.open()
        result: T = await self._raw._execute(work, self._raw._conn)
        return result

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows at once: an open statement would keep the log file from shrinking."""
        return await self.run(lambda connection: connection.execute(sql, parameters).fetchall())


@asynccontextmanager
async def hold(data: Path) -> AsyncIterator[None]:
    """Keep a second persistence off the same store. Raises StartError."""
    path = data / "persistence.lock"
    try:
        lock = await asyncio.to_thread(_open_lock, path)
    except OSError as error:
        raise StartError(f"cannot write to {data}: {error.strerror}; set LINKUP_DATA_DIR") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"another persistence process is using {data}; stop it first"
            ) from None
        yield


def _open_lock(path: Path) -> IO[str]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.open("w")
