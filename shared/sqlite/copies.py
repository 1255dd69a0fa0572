"""Owns copies of a database: one is made beside whoever writes, checked, and put in its place."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from shared.backup import install
from shared.errors import StartError
from shared.sqlite.schema import VERSION

PAGES = 4096  # between two words on how far it is
MINUTE_MS = 60_000

Progress = Callable[[int, int], None]  # pages copied, and of how many


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database, read-only: whoever opens it so never makes a checkpoint. Raises
    sqlite3.Error."""
    url = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro"
    with closing(sqlite3.connect(url, uri=True, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA busy_timeout={MINUTE_MS}")
        yield connection


def copy(source: sqlite3.Connection, target: Path, what: str, told: Progress | None = None) -> None:
    """Copy a database, in one step where nobody is told how far it is. Raises StartError; `what`
    names it."""

    def progress(status: int, left: int, of: int) -> None:
        if told is not None:
            told(of - left, of)

    pages = -1 if told is None else PAGES
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as made:
            source.backup(made, pages=pages, progress=progress)
            made.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    except sqlite3.Error as error:
        raise StartError(
            f"{what} cannot be copied to {target}: {error}; see that there is room for all of it"
        ) from None


def check(file: Path, what: str, newest: str) -> None:
    """Refuse, by StartError, what is no whole copy that this release can use."""
    try:
        with closing(sqlite3.connect(file)) as made:
            [(said,)] = made.execute("PRAGMA integrity_check(1)").fetchall()
            [(schema,)] = made.execute(VERSION).fetchall()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise StartError(f"the copy of {what} is damaged ({said}): take another one")
    if schema > newest:
        raise StartError(
            f"the copy of {what} has schema {schema}, of a newer release (this one: {newest}): "
            "restore it with that release"
        )


def replace(path: Path, file: Path) -> None:
    """Make the copy at `file`, which is moved away, the database at `path`.

    What stands in the log of the one that was there must not be taken for the new one's.
    """
    if path.exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    install(file, path)
