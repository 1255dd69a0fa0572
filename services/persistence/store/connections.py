"""Owns the connections to the store, the writer's and read-only ones, and small transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

from shared.sqlite.lock import locked
from shared.sqlite.pragmas import SYNCED, put

Row = tuple[Any, ...]

BUSY_TIMEOUT_MS = 1000  # below one request of a lane
CHECKPOINT_PAGES = 4096  # 16 MiB: a page that changed a hundred times is copied back once


class WriterConnection(sqlite3.Connection):
    """Every commit is synced (FULL): an ack must survive the power."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        put(
            self,
            *SYNCED,
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
        put(
            self,
            "PRAGMA query_only=1",
            "PRAGMA wal_autocheckpoint=0",
            f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
        )


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done within, or undo it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def hold(data: Path) -> AbstractAsyncContextManager[None]:
    """Keep a second persistence off the same store. Raises StartError."""
    taken = f"another persistence process is using {data}"
    return locked(data / "persistence.lock", taken, "LINKUP_DATA_DIR")
