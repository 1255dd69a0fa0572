"""Owns the empty data of a product that was started before: migrated once, copied ever after."""

import asyncio
import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from services.notify import migrate as notify
from services.persistence.store import migrate as persistence


async def lay_out(data: Path) -> None:
    """Put both databases there, unless there is something: the start has none to make then."""
    await asyncio.to_thread(_lay_out, data)


def empty_store() -> Path:
    """The file of a store without a row, to copy: migrating takes longer than most tests."""
    return _empty() / "linkup.db"


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Look into a database that a process has open; closed at the end, as Python 3.13 insists."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        yield connection


@contextmanager
def revising(path: Path) -> Iterator[None]:
    """A migration called meanwhile works on that database."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        yield


def _lay_out(data: Path) -> None:
    if not data.exists():
        shutil.copytree(_empty(), data)


@cache
def _empty() -> Path:
    path = Path(tempfile.mkdtemp(prefix="linkup-empty-"))  # for its owner alone, as the copies
    atexit.register(shutil.rmtree, path)
    asyncio.run(persistence.upgrade(f"sqlite:///{path / 'linkup.db'}"))
    notify.upgrade(f"sqlite:///{path / 'notify.db'}")
    return path
