"""Owns the life of a connection to a database. The only module that imports `databases`."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Held:
    """One connection, held for its life, opened again after it had to be discarded."""

    def __init__(
        self,
        url: str,
        factory: type[sqlite3.Connection],
        guard: Callable[[], None] | None = None,
    ) -> None:
        """Name the database. `guard` is called before the file is opened, and raises when that must
        not be."""
        self._url = url
        self._factory = factory
        self.guard = guard
        self._connection: Any = None
        self._raw: Any = None

    async def open(self) -> None:
        # With SQLAlchemy it takes a quarter of a start to load: who opens nothing goes without.
        from databases import Database

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
        # See docs/adr/0004: the driver has no public name for it.
        result: T = await self._raw._execute(work, self._raw._conn)
        return result

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows at once: an open statement would keep the log file from shrinking."""
        return await self.run(lambda connection: connection.execute(sql, parameters).fetchall())
